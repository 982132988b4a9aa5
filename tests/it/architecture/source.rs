//! A source file as the checker sees it: comments, texts and the unit tests at its foot are blanked, so that
//! only code counts; line numbers stay.

/// A file under `src/`, by its path from there.
pub struct Source {
    pub path: String,
    code: String,
}

impl Source {
    pub fn new(path: String, text: &str) -> Self {
        let mut code = blank_texts(text);
        if let Some(foot) = code.find("#[cfg(test)]\nmod ").filter(|_| code.contains("mod tests {")) {
            code.truncate(foot);
        }
        Self { path, code }
    }

    /// Every path of this crate that the code names, without `crate::`, with its line (from 1). Groups are spread
    /// (`use crate::{a::b, c}` names `a::b` and `c`), `super` is resolved, `mingji::` counts as `crate::`.
    pub fn crate_paths(&self) -> Vec<(usize, String)> {
        let mut found = Vec::new();
        for start in ["crate::", "mingji::", "super::"] {
            for at in word_starts(&self.code, start) {
                let line = self.line_of(at);
                let (above, rest) = match start {
                    "super::" => match self.above(&self.code[at..]) {
                        Some(resolved) => resolved,
                        None => continue,
                    },
                    _ => (String::new(), &self.code[at + start.len()..]),
                };
                for tail in spread(rest) {
                    let path = if above.is_empty() { tail } else { format!("{above}::{tail}") };
                    found.push((line, path));
                }
            }
        }
        found
    }

    /// The lines on which a crate is named at the start of a path.
    pub fn lines_naming_crate(&self, name: &str) -> Vec<usize> {
        let mut lines: Vec<usize> = word_starts(&self.code, &format!("{name}::")).map(|at| self.line_of(at)).collect();
        lines.extend(word_starts(&self.code, &format!("use {name};")).map(|at| self.line_of(at)));
        lines
    }

    /// The lines that contain a text.
    pub fn lines_with<'a>(&'a self, text: &'a str) -> impl Iterator<Item = usize> + 'a {
        self.code.lines().enumerate().filter(move |(_, line)| line.contains(text)).map(|(index, _)| index + 1)
    }

    fn line_of(&self, at: usize) -> usize {
        self.code[..at].matches('\n').count() + 1
    }

    /// Resolves `super::super::rest` from this file's module: the module's path and the rest. `None` for a
    /// `super` that follows another one, which was resolved with the first.
    fn above<'a>(&self, text: &'a str) -> Option<(String, &'a str)> {
        let mut module: Vec<&str> = self.path.trim_end_matches(".rs").split('/').collect();
        if module.last() == Some(&"mod") {
            module.pop();
        }
        let mut rest = text;
        while let Some(shorter) = rest.strip_prefix("super::") {
            module.pop()?;
            rest = shorter;
        }
        Some((module.join("::"), rest))
    }
}

/// Where a text stands as the beginning of a path: not after `::`, a letter or a digit.
fn word_starts<'a>(code: &'a str, text: &'a str) -> impl Iterator<Item = usize> + 'a {
    code.match_indices(text)
        .map(|(at, _)| at)
        .filter(|at| !code[..*at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == ':'))
}

/// The paths that begin here: one, or several when a group `{…}` is opened.
fn spread(text: &str) -> Vec<String> {
    let text = text.trim_start();
    if let Some(group) = text.strip_prefix('{') {
        return members(group).into_iter().flat_map(|member| spread(&member)).collect();
    }
    let end = text.find(|c: char| !(c.is_alphanumeric() || c == '_')).unwrap_or(text.len());
    let (head, rest) = text.split_at(end);
    match rest.strip_prefix("::") {
        _ if head.is_empty() => Vec::new(),
        Some(tail) => {
            let tails = spread(tail);
            if tails.is_empty() {
                vec![head.to_owned()]
            } else {
                tails.iter().map(|tail| format!("{head}::{tail}")).collect()
            }
        }
        None => vec![head.to_owned()],
    }
}

/// The members of a group whose opening brace was taken, up to its closing one.
fn members(group: &str) -> Vec<String> {
    let mut depth = 0;
    let mut found = vec![String::new()];
    for c in group.chars() {
        match c {
            '}' if depth == 0 => break,
            ',' if depth == 0 => {
                found.push(String::new());
                continue;
            }
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if let Some(last) = found.last_mut() {
            last.push(c);
        }
    }
    found
}

/// Blanks comments and the contents of texts; newlines stay.
fn blank_texts(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let length = match c {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => comment_length(rest),
            '"' => quoted_length(rest),
            'r' if !out.ends_with(|p: char| p.is_alphanumeric() || p == '_') => raw_length(rest),
            '\'' => char_length(rest),
            _ => 0,
        };
        if length == 0 {
            out.push(c);
            rest = &rest[c.len_utf8()..];
        } else {
            out.extend(rest[..length].chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
            rest = &rest[length..];
        }
    }
    out
}

fn comment_length(text: &str) -> usize {
    let mut depth = 0usize;
    let mut at = 0;
    while at < text.len() {
        if text[at..].starts_with("/*") {
            depth += 1;
            at += 2;
        } else if text[at..].starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                break;
            }
        } else {
            at += text[at..].chars().next().map_or(1, char::len_utf8);
        }
    }
    at
}

fn quoted_length(text: &str) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '"' => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `r"…"`, `r#"…"#`; zero for anything else that begins with r.
fn raw_length(text: &str) -> usize {
    let hashes = text[1..].bytes().take_while(|byte| *byte == b'#').count();
    if !text[1 + hashes..].starts_with('"') {
        return 0;
    }
    let end = format!("\"{}", "#".repeat(hashes));
    let body = 2 + hashes;
    text[body..].find(&end).map_or(text.len(), |at| body + at + end.len())
}

/// `'x'`, `'\n'`; zero for a lifetime.
fn char_length(text: &str) -> usize {
    let mut inner = text.char_indices().skip(1);
    match inner.next() {
        Some((_, '\\')) => text[2..].char_indices().skip(1).find(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 3),
        Some(_) => inner.next().filter(|(_, c)| *c == '\'').map_or(0, |(at, _)| at + 1),
        None => 0,
    }
}
