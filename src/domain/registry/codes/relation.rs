//! Family relation of a guardian to a child 家庭关系.

use super::codes;

codes! {
    /// JTGX, GB/T 4761-2008, as seen from the child, and `G1` for an institution as guardian
    /// (Civil Code 民法典, 32: civil affairs departments, villagers' committees), which the standard lacks.
    Relation {
        Myself = "01", "本人";
        Householder = "02", "户主";
        Spouse = "10", "配偶";
        Son = "20", "子";
        AdoptedSon = "27", "养子或继子" | "养子" | "继子";
        Daughter = "30", "女";
        AdoptedDaughter = "37", "养女" | "继女";
        Grandchild = "40", "孙子、孙女或外孙子、外孙女";
        Parent = "50", "父母";
        Father = "51", "父亲" | "父" | "爸爸";
        Mother = "52", "母亲" | "母" | "妈妈";
        StepFather = "57", "继父或养父" | "继父" | "养父";
        StepMother = "58", "继母或养母" | "继母" | "养母";
        OtherParent = "59", "其他父母关系";
        Grandparent = "60", "祖父母或外祖父母";
        PaternalGrandfather = "61", "祖父" | "爷爷";
        PaternalGrandmother = "62", "祖母" | "奶奶";
        MaternalGrandfather = "63", "外祖父" | "外公" | "姥爷";
        MaternalGrandmother = "64", "外祖母" | "外婆" | "姥姥";
        Sibling = "70", "兄弟姐妹";
        ElderBrother = "71", "兄" | "哥哥";
        YoungerBrother = "73", "弟" | "弟弟";
        ElderSister = "75", "姐姐";
        YoungerSister = "77", "妹妹";
        Other = "80", "其他";
        FatherElderBrother = "81", "伯父";
        FatherElderBrotherWife = "82", "伯母";
        FatherYoungerBrother = "83", "叔父" | "叔叔";
        FatherYoungerBrotherWife = "84", "婶母";
        MotherBrother = "85", "舅父" | "舅舅";
        MotherBrotherWife = "86", "舅母";
        MotherSisterHusband = "87", "姨父";
        MotherSister = "88", "姨母" | "阿姨";
        FatherSisterHusband = "89", "姑父";
        FatherSister = "90", "姑母" | "姑姑";
        OtherRelative = "97", "其他亲属";
        NotRelated = "99", "非亲属";
        Institution = "G1", "机构监护" | "民政部门" | "福利院";
    }
}

impl Relation {
    /// Whether a parent: the guardian by law (Civil Code 民法典, 27) unless a court said otherwise.
    pub const fn is_parent(self) -> bool {
        matches!(
            self,
            Self::Parent | Self::Father | Self::Mother | Self::StepFather | Self::StepMother | Self::OtherParent
        )
    }
}
