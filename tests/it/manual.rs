//! What the manual says: every test that it names as a proof exists, and the requirements of OWASP ASVS are all there.

use std::path::Path;

use mingji::domain::oidc::client::AuthMethod;
use mingji::domain::oidc::elsewhere::Way;

/// The pages whose tables name tests in their last column.
const PAGES: &[&str] = &["threats.md", "asvs.md"];

/// How many requirements each section of ASVS 5.0 has, in the chapters that `asvs.md` goes through.
const ASVS: &[(&str, &[usize])] =
    &[("6", &[3, 12, 8, 6, 8, 4, 2, 4]), ("7", &[3, 4, 2, 5, 3, 2]), ("9", &[3, 4]), ("10", &[2, 3, 5, 16, 5, 2, 3])];

/// A file of tests: its module, as a test's name begins, and its text.
struct Module {
    path: Vec<String>,
    text: String,
}

fn manual(page: &str) -> String {
    std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("src/manual").join(page)).unwrap()
}

fn modules() -> Vec<Module> {
    let mut found = Vec::new();
    for root in ["src", "tests/it"] {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join(root);
        collect(&root, &root, &mut found);
    }
    assert!(found.len() > 100, "the sources are read");
    found
}

fn collect(root: &Path, folder: &Path, found: &mut Vec<Module>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let file = entry.unwrap().path();
        if file.is_dir() {
            collect(root, &file, found);
        } else if file.extension().is_some_and(|extension| extension == "rs") {
            let name = file.strip_prefix(root).unwrap().with_extension("");
            let parts = name.iter().map(|part| part.to_string_lossy().into_owned());
            let path = parts.filter(|part| part != "mod" && part != "tests").collect();
            found.push(Module { path, text: std::fs::read_to_string(&file).unwrap() });
        }
    }
}

/// The names in the last column of a page's tables, with their lines. `…::` repeats the module before it.
fn cited(page: &str) -> Vec<(usize, String)> {
    let (mut found, mut module) = (Vec::new(), String::new());
    for (number, line) in page.lines().enumerate() {
        let Some(cell) = line.strip_prefix('|').and_then(|row| row.trim_end_matches(['|', ' ']).rsplit('|').next())
        else {
            continue;
        };
        for name in cell.split('`').skip(1).step_by(2) {
            let name = name.strip_prefix('…').map_or_else(|| name.to_owned(), |own| format!("{module}{own}"));
            let is_name = |part: &str| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
            };
            if name.split("::").all(is_name) {
                module = name.rsplit_once("::").map(|(module, _)| module.to_owned()).unwrap_or_default();
                found.push((number + 1, name));
            }
        }
    }
    found
}

/// Whether a module has this name, or holds a test that has.
fn exists(name: &str, modules: &[Module]) -> bool {
    let parts: Vec<&str> = name.split("::").filter(|part| *part != "tests").collect();
    let (last, above) = parts.split_last().unwrap();
    let held = |module: &Module| {
        let marks = [format!("fn {last}("), format!("fn {last}<")];
        !above.is_empty()
            && module.path.ends_with(&above.iter().map(|part| (*part).to_owned()).collect::<Vec<_>>())
            && marks.iter().any(|mark| module.text.contains(mark))
    };
    let whole: Vec<String> = parts.iter().map(|part| (*part).to_owned()).collect();
    modules.iter().any(|module| module.path.ends_with(&whole) || held(module))
}

#[test]
fn every_test_that_it_names_is_there() {
    let modules = modules();
    for page in PAGES {
        let names = cited(&manual(page));
        assert!(names.len() > 50, "{page} names {} tests", names.len());
        let lost: Vec<_> = names.iter().filter(|(_, name)| !exists(name, &modules)).collect();
        assert!(lost.is_empty(), "src/manual/{page}, line and name: {lost:#?}");
    }
}

#[test]
fn every_requirement_of_asvs_is_answered_once() {
    let page = manual("asvs.md");
    let mut answered = page
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .filter(|cell| cell.starts_with(|first: char| first.is_ascii_digit()));
    for (chapter, sections) in ASVS {
        for (section, count) in sections.iter().enumerate() {
            for requirement in 1..=*count {
                assert_eq!(answered.next(), Some(&*format!("{chapter}.{}.{requirement}", section + 1)));
            }
        }
    }
    assert_eq!(answered.next(), None);
    // Where nothing proves it, or it is not met, the row says so.
    for row in page.lines().filter(|line| line.starts_with("| ") && line.as_bytes()[2].is_ascii_digit()) {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        assert_eq!(cells.len(), 4, "{row}");
        let says = ["met", "partly", "**not met**", "not applicable"].iter().any(|word| cells[2].starts_with(word));
        assert!(says && (cells[3].contains('`') || cells[3].contains('—')), "{row}");
    }
}

/// ASVS 6.1.3: how people and clients prove themselves, each way with what it is worth.
#[test]
fn every_way_to_authenticate_is_documented() {
    let page = manual("threats.md");
    let (_, ways) = page.split_once("\n## Ways to authenticate\n").expect("the section");
    let ways = ways.split("\n## ").next().unwrap_or_default();
    let rows: Vec<&str> = ways.lines().filter(|line| line.starts_with("| ")).collect();
    let clients = AuthMethod::ALL.iter().map(|method| method.as_str());
    let people = ["password", "one-time code", "session", Way::Device.grant_type(), Way::Ciba.grant_type()];
    for way in clients.chain(people) {
        let row =
            rows.iter().find(|row| row.starts_with(&format!("| `{way}`")) || row.starts_with(&format!("| {way}")));
        let cells = row.unwrap_or_else(|| panic!("{way} is served and not documented")).split(" | ").count();
        assert_eq!(cells, 4, "{way}: what proves it, what it is worth, what bounds it");
    }
}

#[test]
fn a_name_that_is_not_there_is_found() {
    let modules = modules();
    let found = |cell: &str| cited(&format!("| a | b | {cell} |")).iter().all(|(_, name)| exists(name, &modules));
    assert!(found(
        "`oidc::token::a_code_lives_a_minute`, `…::two_proofs_at_once_are_refused`; `leaks`; `keys::archive`"
    ));
    assert!(!found("`oidc::token::a_code_lives_for_ever`"));
    assert!(!found("`oidc::refresh::a_code_lives_a_minute`"));
    assert!(!found("`oidc::token::a_code_lives_a_minute`, `…::never_written`"));
    assert!(!found("`nowhere`"));
}
