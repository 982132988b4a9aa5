//! The law of the layers, enforced: reads every file under `src/`, and fails with the rule, the place and the
//! way out. `src/manual/architecture.md` says why the law is as it is.

mod source;

use std::path::{Path, PathBuf};

use source::Source;

/// A module and what its files must not name. `crate::` paths are matched by their first segment after `crate`.
struct Law {
    module: &'static str,
    modules: &'static [&'static str],
    crates: &'static [&'static str],
    way_out: &'static str,
}

const MODULES: [&str; 11] =
    ["app", "cli", "config", "demo", "domain", "http", "jobs", "keys", "outbound", "store", "telemetry"];

/// What each module may use of the others, and the crates it must never touch.
const LAWS: &[Law] = &[
    Law {
        module: "domain",
        modules: &[],
        crates: &[
            "tokio",
            "sqlx",
            "axum",
            "redis",
            "reqwest",
            "ring",
            "jsonwebtoken",
            "openidconnect",
            "hyper",
            "tower",
        ],
        way_out: "make the outside thing an argument, or move the code to the layer that may do I/O",
    },
    Law {
        module: "store",
        modules: &["domain"],
        crates: &["axum", "reqwest", "openidconnect", "jsonwebtoken", "tower", "askama"],
        way_out: "take a domain type and give one back; digests and sealed bytes are passed in by app",
    },
    Law {
        module: "keys",
        modules: &["domain"],
        crates: &["axum", "sqlx", "redis", "reqwest", "tower", "askama"],
        way_out: "give bytes or a domain type to app, which stores or answers it",
    },
    Law {
        module: "outbound",
        modules: &["domain"],
        crates: &["axum", "sqlx", "redis", "askama"],
        way_out: "let app call outbound with what it needs",
    },
    Law {
        module: "app",
        modules: &["domain", "store", "keys", "outbound", "telemetry::metrics"],
        crates: &["axum", "sqlx", "redis", "askama", "clap", "reqwest"],
        way_out: "let http decode and encode, and put the statement or the command into a verb of store",
    },
    Law {
        module: "http",
        modules: &["app", "domain"],
        crates: &["sqlx", "redis", "reqwest", "jsonwebtoken"],
        way_out: "call one use case of app; if there is none, write it there",
    },
    Law {
        module: "jobs",
        modules: &["app", "domain", "config", "telemetry"],
        crates: &["sqlx", "redis", "axum"],
        way_out: "call a use case of app",
    },
    Law {
        module: "cli",
        modules: &["app", "config", "demo", "domain", "http", "jobs", "keys", "outbound", "store", "telemetry"],
        crates: &["sqlx", "redis"],
        way_out: "call a use case of app; the wiring of a process may build stores and keys, but writes no SQL",
    },
    Law {
        module: "config",
        modules: &["domain"],
        crates: &["sqlx", "redis", "axum", "reqwest", "tokio"],
        way_out: "resolve to a value; whoever starts the process builds things from it",
    },
    Law {
        module: "telemetry",
        modules: &["domain"],
        crates: &["sqlx", "redis", "axum", "reqwest"],
        way_out: "telemetry is told, it does not ask",
    },
    Law {
        module: "demo",
        modules: &["app", "cli", "config", "domain", "http", "jobs", "keys", "outbound", "store", "telemetry"],
        crates: &["sqlx", "redis"],
        way_out: "seed through the use cases of app",
    },
    Law {
        module: "demo/platform",
        modules: &["demo::platform", "domain::locale"],
        crates: &["sqlx", "redis", "ring", "jsonwebtoken"],
        way_out: "a demo platform is what a vendor would write: it knows the provider by its issuer alone",
    },
];

/// A name that only some files may contain.
struct OnlyIn {
    name: &'static str,
    files: &'static [&'static str],
    way_out: &'static str,
}

const ONLY_IN: &[OnlyIn] = &[
    OnlyIn {
        name: "AssertSqlSafe",
        files: &["store/db/"],
        way_out: "statements are &'static str constants; a filter is a verb of store/db",
    },
    OnlyIn {
        name: "impl Clock for",
        files: &["telemetry/clock.rs"],
        way_out: "take &dyn Clock or a Timestamp; there is one clock",
    },
    OnlyIn { name: "impl Random for", files: &["keys/random.rs"], way_out: "take &dyn Random; there is one generator" },
    OnlyIn {
        name: "prometheus::",
        files: &["telemetry/metrics/"],
        way_out: "tell it by a verb of telemetry::metrics::Metrics, which knows the labels",
    },
    OnlyIn {
        name: ".prove_",
        files: &["app/access.rs"],
        way_out: "ask app::access for the proof: it is made from evidence that was just checked",
    },
    OnlyIn {
        name: "::prove_",
        files: &["app/access.rs"],
        way_out: "ask app::access for the proof: it is made from evidence that was just checked",
    },
];

#[test]
fn no_layer_points_back() {
    let faults: Vec<String> = sources().iter().flat_map(layer_faults).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn what_exists_once_stays_in_its_place() {
    let faults: Vec<String> = sources().iter().flat_map(place_faults).collect();
    assert!(faults.is_empty(), "\n{}\n", faults.join("\n"));
}

#[test]
fn every_module_has_a_law() {
    for entry in std::fs::read_dir(root()).unwrap() {
        let name = entry.unwrap().file_name().into_string().unwrap();
        let known = ["lib.rs", "main.rs", "manual"].contains(&name.as_str());
        let module = name.trim_end_matches(".rs");
        assert!(
            known || LAWS.iter().any(|law| law.module == module),
            "src/{name} has no law in tests/it/architecture.rs"
        );
    }
}

fn layer_faults(source: &Source) -> Vec<String> {
    let Some(law) = law_of(&source.path) else { return Vec::new() };
    let own = law.module.split('/').next().unwrap_or_default();
    let mut faults = Vec::new();
    for (line, path) in source.crate_paths() {
        let target = path.split("::").next().unwrap_or_default();
        let inside = if law.module.contains('/') { false } else { target == own };
        let allowed = law.modules.iter().any(|module| path == *module || path.starts_with(&format!("{module}::")));
        if MODULES.contains(&target) && !inside && !allowed {
            faults.push(fault(source, line, &format!("{} must not use {path}", law.module), law.way_out));
        }
    }
    for name in law.crates {
        for line in source.lines_naming_crate(name) {
            faults.push(fault(source, line, &format!("{} must not use the crate {name}", law.module), law.way_out));
        }
    }
    faults
}

fn place_faults(source: &Source) -> Vec<String> {
    ONLY_IN
        .iter()
        .filter(|rule| !rule.files.iter().any(|file| source.path.starts_with(file)))
        .flat_map(|rule| {
            source
                .lines_with(rule.name)
                .map(|line| {
                    fault(
                        source,
                        line,
                        &format!("`{}` stands only in {}", rule.name, rule.files.join(", ")),
                        rule.way_out,
                    )
                })
                .collect::<Vec<_>>()
        })
        .collect()
}

fn fault(source: &Source, line: usize, rule: &str, way_out: &str) -> String {
    format!("src/{}:{line}: {rule}\n    way out: {way_out}", source.path)
}

/// The law with the longest matching module.
fn law_of(path: &str) -> Option<&'static Law> {
    LAWS.iter()
        .filter(|law| path == format!("{}.rs", law.module) || path.starts_with(&format!("{}/", law.module)))
        .max_by_key(|law| law.module.len())
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src")
}

fn sources() -> Vec<Source> {
    let mut found = Vec::new();
    collect(&root(), &mut found);
    assert!(found.len() > 20, "the sources are read");
    found
}

fn collect(folder: &Path, found: &mut Vec<Source>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root()).unwrap().to_string_lossy().replace('\\', "/");
            found.push(Source::new(name, &std::fs::read_to_string(&path).unwrap()));
        }
    }
}

mod teeth {
    //! The checker itself is checked: a rule that finds nothing would be worse than none.
    use super::*;

    fn faults(path: &str, text: &str) -> usize {
        let source = Source::new(path.to_owned(), text);
        layer_faults(&source).len() + place_faults(&source).len()
    }

    #[test]
    fn it_bites() {
        assert_eq!(faults("http/oidc/token.rs", "use crate::store::db::Tx;"), 1);
        assert_eq!(faults("http/oidc/token.rs", "use crate::{app::token, keys::jwt};"), 1);
        assert_eq!(faults("http/oidc/token.rs", "use crate::{\n    app::{token, Error},\n    store,\n};"), 1);
        assert_eq!(faults("http/oidc/token.rs", "fn f() { crate::keys::jwt::sign(); }"), 1);
        assert_eq!(faults("app/person.rs", "fn f() { sqlx::query(\"\"); }"), 1);
        assert_eq!(faults("domain/id.rs", "use tokio::time;"), 1);
        assert_eq!(faults("domain/id.rs", "use mingji::store::db::Db;"), 1);
        assert_eq!(faults("store/persons.rs", "use super::super::app::person;"), 1);
        assert_eq!(faults("demo/platform/mod.rs", "use crate::demo::world::World;"), 1);
        assert_eq!(faults("app/login.rs", "use prometheus::Counter;\nuse crate::telemetry::metrics::Metrics;"), 1);
        assert_eq!(faults("app/login.rs", "use crate::telemetry::SystemClock;"), 1);
        assert_eq!(faults("app/person.rs", "impl Clock for Mine {}\nlet x = Probe::prove_by_budget();"), 2);
    }

    #[test]
    fn it_lets_go() {
        assert_eq!(
            faults("http/oidc/token.rs", "// use crate::store::db;\nuse crate::{app::token, domain::id::PersonId};"),
            0
        );
        assert_eq!(faults("app/person.rs", "/* sqlx::query */ const TEXT: &str = \"crate::http sqlx::query\";"), 0);
        assert_eq!(
            faults("app/person.rs", "const RAW: &str = r#\"use sqlx::\"quoted\"\"#; const C: char = '\"'; // axum::"),
            0
        );
        assert_eq!(
            faults(
                "demo/platform/mod.rs",
                "use crate::demo::platform::look::Look;\nuse crate::domain::locale::Locale;"
            ),
            0
        );
        assert_eq!(faults("store/db/filter.rs", "sqlx::AssertSqlSafe(text)"), 0);
        assert_eq!(faults("store/persons.rs", "use super::db::Tx;"), 0);
    }

    #[test]
    fn tests_inside_a_file_may_stand_in() {
        let text = "fn f() {}\n#[cfg(test)]\nmod tests {\n    impl Clock for Fixed {}\n}\n";
        assert_eq!(faults("app/person.rs", text), 0);
    }
}
