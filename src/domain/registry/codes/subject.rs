//! Subject taught 课程.

use super::codes;

codes! {
    /// ZXXKC of JY/T 1001-2012; `X…` are the subjects of the 2022 curriculum, which that table lacks.
    Subject {
        Character = "11", "品德与生活(社会)" | "品德与生活" | "品德与社会";
        Politics = "12", "思想品德(政治)" | "思想品德" | "政治" | "思想政治";
        Chinese = "13", "语文";
        Mathematics = "14", "数学";
        Science = "15", "科学";
        Physics = "16", "物理";
        Chemistry = "17", "化学";
        Biology = "18", "生物" | "生物学";
        HistoryAndSociety = "19", "历史与社会";
        Geography = "20", "地理";
        History = "21", "历史";
        PhysicalEducation = "22", "体育与健康" | "体育";
        Art = "23", "艺术";
        Music = "24", "音乐";
        FineArt = "25", "美术";
        SeniorInformatics = "26", "信息技术(高中)";
        GeneralTechnology = "27", "通用技术";
        ForeignLanguage = "40", "外语";
        English = "41", "英语";
        Japanese = "42", "日语";
        Russian = "43", "俄语";
        OtherForeignLanguage = "49", "其他外国语";
        Practice = "60", "综合实践活动";
        Informatics = "61", "信息技术(小学初中)" | "信息技术";
        LabourAndTechnology = "62", "劳动与技术";
        MoralityAndLaw = "X1", "道德与法治";
        InformationScience = "X2", "信息科技";
        Labour = "X3", "劳动";
    }
}
