//! What activation says to whom: staff, a guardian, an older student, and the family of a child under 14.

use super::With;
use crate::domain::registry::holder::Holder;

/// The texts for one kind of holder.
pub struct HolderTexts {
    pub title: &'static str,
    pub for_person: With,
    /// Sentences before the form; steps, where there are several.
    pub notes: &'static [&'static str],
    /// On the page after it; empty where there is nothing to add.
    pub done_note: &'static str,
    pub done_button: &'static str,
}

/// The texts of one language.
pub struct Holders {
    pub staff: HolderTexts,
    pub guardian: HolderTexts,
    pub student: HolderTexts,
    pub child: HolderTexts,
}

impl Holders {
    /// The texts for a kind of holder.
    pub fn of(&self, holder: Holder) -> &HolderTexts {
        match holder {
            Holder::Staff => &self.staff,
            Holder::Guardian => &self.guardian,
            Holder::Student => &self.student,
            Holder::Child => &self.child,
        }
    }
}

/// 简体中文。
pub const ZH: Holders = Holders {
    staff: HolderTexts {
        title: "设置密码",
        for_person: |name| format!("这是 {name} 的账号。如果不是您，请关掉这个页面，并告诉学校。"),
        notes: &[],
        done_note: "",
        done_button: "现在登录",
    },
    guardian: HolderTexts {
        title: "家长，您好",
        for_person: |name| format!("这是 {name} 的家长账号。如果不是您，请关掉这个页面，并告诉学校。"),
        notes: &["请您本人设密码，不要让孩子代设：以后要用它替孩子决定能不能用某个应用。"],
        done_note: "还有一步：登录以后，首页会列出登记在您名下的孩子，请看看对不对。",
        done_button: "登录，看看孩子的信息",
    },
    student: HolderTexts {
        title: "给自己设一个密码",
        for_person: |name| format!("这是 {name} 的账号。如果不是你，请关掉这个页面，并告诉老师。"),
        notes: &[
            "教育系统的学习平台会知道你的姓名、学校和班级，好认出你。身份证号不会给任何平台；别的应用想知道什么，都要先问你。",
        ],
        done_note: "以后有应用想知道你的信息，会先问你同不同意。不放心就不同意，也可以问问家长或老师。",
        done_button: "现在登录",
    },
    child: HolderTexts {
        title: "和家人一起设密码",
        for_person: |name| format!("这是 {name} 的账号。不是你的？请把小纸条还给老师。"),
        notes: &[
            "请爸爸妈妈或者别的家人坐到你旁边。",
            "一起想一个密码，打在下面。打的字看得见，先看看旁边有没有别人。",
            "把用户名和密码写在纸上，放在家里。除了家人，谁也不告诉。",
        ],
        done_note: "家长请注意：孩子未满 14 周岁，应用要先得到您的同意，才能知道孩子的信息。没有您的同意，孩子进不去是正常的。",
        done_button: "现在登录",
    },
};

/// English.
pub const EN: Holders = Holders {
    staff: HolderTexts {
        title: "Set a password",
        for_person: |name| {
            format!("This is the account of {name}. If that is not you, close this page and tell your school.")
        },
        notes: &[],
        done_note: "",
        done_button: "Sign in now",
    },
    guardian: HolderTexts {
        title: "Welcome, parent or guardian",
        for_person: |name| {
            format!(
                "This is the guardian’s account of {name}. If that is not you, close this page and tell your school."
            )
        },
        notes: &[
            "Please choose the password yourself, not your child: with it you will decide which applications your child may use.",
        ],
        done_note: "One more step: after you sign in, the home page lists the children recorded as yours. Please check them.",
        done_button: "Sign in and check your children",
    },
    student: HolderTexts {
        title: "Choose your own password",
        for_person: |name| {
            format!("This is the account of {name}. If that is not you, close this page and tell your teacher.")
        },
        notes: &[
            "Learning platforms of the education system are told your name, your school and your class, so that they know you. No platform gets your identity number, and any other application has to ask you first.",
        ],
        done_note: "An application that wants to know about you asks you first. If you are not sure, say no, or ask your family or a teacher.",
        done_button: "Sign in now",
    },
    child: HolderTexts {
        title: "Choose a password with your family",
        for_person: |name| format!("This is the account of {name}. Not you? Give the slip back to your teacher."),
        notes: &[
            "Ask a parent or another grown-up of your family to sit with you.",
            "Think of a password together and type it below. You can see what you type, so look around first.",
            "Write user name and password on paper and keep it at home. Tell nobody but your family.",
        ],
        done_note: "To the family: your child is under 14, so an application hears about her only after you agreed. Until then it is right that she cannot get in.",
        done_button: "Sign in now",
    },
};
