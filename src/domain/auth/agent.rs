//! What a browser says of itself, in a few words of ours: enough for a person to know her own devices in a list, too
//! little to tell her browser from others. The header itself is kept nowhere.

/// Marks of browsers and their names. The first that is found counts: the later ones stand in the headers of the earlier
/// ones too.
const BROWSERS: &[(&str, &str)] = &[
    ("MicroMessenger/", "微信 WeChat"),
    ("DingTalk/", "钉钉 DingTalk"),
    ("HuaweiBrowser/", "Huawei"),
    ("MiuiBrowser/", "Xiaomi"),
    ("QQBrowser/", "QQ"),
    ("UCBrowser/", "UC"),
    ("Edg", "Edge"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// Marks of systems and their names, likewise.
const SYSTEMS: &[(&str, &str)] = &[
    ("OpenHarmony", "HarmonyOS"),
    ("HarmonyOS", "HarmonyOS"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("CrOS", "ChromeOS"),
    ("Windows", "Windows"),
    ("Macintosh", "Mac"),
    ("Linux", "Linux"),
];

/// Browser and system; `None` where neither is known.
pub fn described(user_agent: &str) -> Option<String> {
    let found = |marks: &[(&str, &'static str)]| {
        marks.iter().find(|(mark, _)| user_agent.contains(mark)).map(|(_, name)| *name)
    };
    let words: Vec<&str> = [found(BROWSERS), found(SYSTEMS)].into_iter().flatten().collect();
    (!words.is_empty()).then(|| words.join(" · "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_are_told_apart_and_people_are_not() {
        for (header, words) in [
            (
                "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36 Edg/156.0",
                "Edge · Windows",
            ),
            (
                "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36",
                "Chrome · Linux",
            ),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 19_0 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/19.0 Mobile/15E148 Safari/604.1",
                "Safari · iPhone",
            ),
            (
                "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/132.0 Safari/537.36 HuaweiBrowser/6.0",
                "Huawei · HarmonyOS",
            ),
            (
                "Mozilla/5.0 (Linux; Android 15) AppleWebKit/537.36 Chrome/130 Mobile Safari/537.36 MicroMessenger/8.0.50",
                "微信 WeChat · Android",
            ),
            ("Mozilla/5.0 (Macintosh; Intel Mac OS X 10.15; rv:150.0) Gecko/20100101 Firefox/150.0", "Firefox · Mac"),
        ] {
            assert_eq!(described(header).as_deref(), Some(words));
        }
        assert_eq!(described("curl/8.9 my-name-is-wang"), None);
        assert_eq!(described(""), None);
    }
}
