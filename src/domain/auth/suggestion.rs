//! A password for a child to take or leave: two things that a six-year-old knows, in pinyin, and three digits between
//! them. Drawn by us, so that it needs no rule of its own and passes the one for everybody
//! ([`super::password::check`]).

use crate::domain::random::{self, Random};

/// Powers of two, so that every word is as likely: 128² × 1000 ≈ 24 bits, more than the six drawn digits that
/// NIST SP 800-63B, 5.1.1.1, asks of a secret that the verifier chose.
const WORDS: [(&str, &str); 128] = [
    ("tuzi", "兔子"),
    ("xigua", "西瓜"),
    ("pingguo", "苹果"),
    ("xiangjiao", "香蕉"),
    ("putao", "葡萄"),
    ("caomei", "草莓"),
    ("juzi", "橘子"),
    ("taozi", "桃子"),
    ("yingtao", "樱桃"),
    ("mangguo", "芒果"),
    ("boluo", "菠萝"),
    ("ningmeng", "柠檬"),
    ("shizi", "狮子"),
    ("laohu", "老虎"),
    ("daxiang", "大象"),
    ("houzi", "猴子"),
    ("xiongmao", "熊猫"),
    ("songshu", "松鼠"),
    ("huli", "狐狸"),
    ("xiaogou", "小狗"),
    ("xiaomao", "小猫"),
    ("xiaoniao", "小鸟"),
    ("jinyu", "金鱼"),
    ("wugui", "乌龟"),
    ("qingwa", "青蛙"),
    ("hudie", "蝴蝶"),
    ("mifeng", "蜜蜂"),
    ("mayi", "蚂蚁"),
    ("qingting", "蜻蜓"),
    ("kongque", "孔雀"),
    ("yanzi", "燕子"),
    ("yazi", "鸭子"),
    ("gongji", "公鸡"),
    ("mianyang", "绵羊"),
    ("xiaoniu", "小牛"),
    ("luotuo", "骆驼"),
    ("banma", "斑马"),
    ("haitun", "海豚"),
    ("jingyu", "鲸鱼"),
    ("zhangyu", "章鱼"),
    ("pangxie", "螃蟹"),
    ("haixing", "海星"),
    ("beike", "贝壳"),
    ("taiyang", "太阳"),
    ("yueliang", "月亮"),
    ("xingxing", "星星"),
    ("caihong", "彩虹"),
    ("baiyun", "白云"),
    ("xuehua", "雪花"),
    ("dafeng", "大风"),
    ("shandian", "闪电"),
    ("dahai", "大海"),
    ("xiaohe", "小河"),
    ("gaoshan", "高山"),
    ("senlin", "森林"),
    ("caodi", "草地"),
    ("huayuan", "花园"),
    ("meigui", "玫瑰"),
    ("hehua", "荷花"),
    ("juhua", "菊花"),
    ("taohua", "桃花"),
    ("liushu", "柳树"),
    ("zhuzi", "竹子"),
    ("xiaocao", "小草"),
    ("mogu", "蘑菇"),
    ("luobo", "萝卜"),
    ("baicai", "白菜"),
    ("huanggua", "黄瓜"),
    ("tudou", "土豆"),
    ("yumi", "玉米"),
    ("qiezi", "茄子"),
    ("nangua", "南瓜"),
    ("lajiao", "辣椒"),
    ("huasheng", "花生"),
    ("mifan", "米饭"),
    ("miantiao", "面条"),
    ("jiaozi", "饺子"),
    ("baozi", "包子"),
    ("mantou", "馒头"),
    ("doufu", "豆腐"),
    ("niunai", "牛奶"),
    ("jidan", "鸡蛋"),
    ("dangao", "蛋糕"),
    ("binggan", "饼干"),
    ("tangguo", "糖果"),
    ("qianbi", "铅笔"),
    ("xiangpi", "橡皮"),
    ("shubao", "书包"),
    ("benzi", "本子"),
    ("chizi", "尺子"),
    ("jiandao", "剪刀"),
    ("labi", "蜡笔"),
    ("zhuozi", "桌子"),
    ("yizi", "椅子"),
    ("chuanghu", "窗户"),
    ("yaoshi", "钥匙"),
    ("beizi", "杯子"),
    ("shaozi", "勺子"),
    ("kuaizi", "筷子"),
    ("maozi", "帽子"),
    ("wazi", "袜子"),
    ("xiezi", "鞋子"),
    ("shoutao", "手套"),
    ("weijin", "围巾"),
    ("yusan", "雨伞"),
    ("qiqiu", "气球"),
    ("fengzheng", "风筝"),
    ("jimu", "积木"),
    ("piqiu", "皮球"),
    ("tiaosheng", "跳绳"),
    ("huoche", "火车"),
    ("feiji", "飞机"),
    ("qiche", "汽车"),
    ("lunchuan", "轮船"),
    ("huojian", "火箭"),
    ("ditie", "地铁"),
    ("maque", "麻雀"),
    ("gezi", "鸽子"),
    ("denglong", "灯笼"),
    ("shizhong", "时钟"),
    ("dianhua", "电话"),
    ("gangqin", "钢琴"),
    ("laba", "喇叭"),
    ("chengbao", "城堡"),
    ("qianbao", "钱包"),
    ("tangyuan", "汤圆"),
    ("zongzi", "粽子"),
    ("bingxiang", "冰箱"),
];

/// What is offered.
#[derive(Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// The password itself.
    pub password: String,
    /// How to remember it.
    pub reminder: String,
}

/// A fresh one.
pub fn suggest(random: &dyn Random) -> Suggestion {
    let [first, second, high, low] = random::bytes(random);
    let number = u16::from_be_bytes([high, low]) % 1000;
    let ((one, first), (other, second)) = (word(first), word(second));
    Suggestion { password: format!("{one}{number:03}{other}"), reminder: format!("{first} {number:03} {second}") }
}

fn word(byte: u8) -> (&'static str, &'static str) {
    WORDS[usize::from(byte) % WORDS.len()]
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::domain::auth::password;

    struct Fixed([u8; 4]);

    impl Random for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.copy_from_slice(&self.0);
        }
    }

    #[test]
    fn every_suggestion_is_a_good_password() {
        assert_eq!(WORDS.iter().map(|(word, _)| word).collect::<BTreeSet<_>>().len(), WORDS.len());
        for first in 0..128 {
            for second in [0, 1, 63, 127, first] {
                let offered = suggest(&Fixed([first, second, 0xff, first]));
                assert_eq!(password::check(&offered.password, &[]), Ok(()), "{}", offered.password);
            }
        }
        let offered = suggest(&Fixed([0, 129, 0, 42]));
        assert_eq!((offered.password.as_str(), offered.reminder.as_str()), ("tuzi042xigua", "兔子 042 西瓜"));
    }
}
