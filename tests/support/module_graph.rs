//! Determines from their text which source files of a crate use which.
//!
//! It knows paths but no types: `use` declarations with their groups, and paths that begin with
//! `crate`, `self`, `super` or a child module. Comments, literals and test modules are left out. A
//! use of a re-export of a `mod.rs` counts as a use of the file that defines it.
use std::collections::{BTreeMap, BTreeSet};

/// Finds the groups of files that use each other in a circle, given the files of one crate: their
/// names below `src`, and their texts.
///
/// A use of a `mod.rs` above the file does not count, because a folder's traits are defined there.
pub(crate) fn circles(files: &[(String, String)]) -> Vec<Vec<&str>> {
    let krate = Crate::read(files);
    let uses: Vec<BTreeSet<usize>> = (0..files.len()).map(|file| krate.used_by(file)).collect();
    let reached: Vec<BTreeSet<usize>> = (0..files.len()).map(|file| reach(&uses, file)).collect();
    let mut circles = BTreeSet::new();
    for (file, reached_by_it) in reached.iter().enumerate() {
        let back = |other: &&usize| reached[**other].contains(&file);
        circles.insert(reached_by_it.iter().filter(back).collect::<Vec<_>>());
    }
    let names = |circle: Vec<&usize>| {
        let mut names: Vec<&str> = circle.iter().map(|file| files[**file].0.as_str()).collect();
        names.sort_unstable();
        names
    };
    circles.into_iter().filter(|circle| !circle.is_empty()).map(names).collect()
}

/// Returns the files that `file` uses directly or through others.
fn reach(uses: &[BTreeSet<usize>], file: usize) -> BTreeSet<usize> {
    let mut reached = BTreeSet::new();
    let mut open = vec![file];
    while let Some(file) = open.pop() {
        open.extend(uses[file].iter().filter(|used| reached.insert(**used)));
    }
    reached
}

/// The modules of a crate and their files. A module is named by its path from the root.
struct Crate {
    modules: Vec<Vec<String>>,
    files: BTreeMap<Vec<String>, usize>,
    /// For each file, whether it is the file of a folder, like `mod.rs`.
    is_folder: Vec<bool>,
    imports: Vec<Vec<Import>>,
}

impl Crate {
    fn read(files: &[(String, String)]) -> Self {
        let is_folder: Vec<bool> = files.iter().map(|(name, _)| is_folder(name)).collect();
        let module = |(name, is_folder): (&(String, String), &bool)| {
            let path = name.0.trim_end_matches(".rs").split('/');
            let mut module: Vec<String> = path.map(str::to_owned).collect();
            module.truncate(module.len() - usize::from(*is_folder));
            module
        };
        let modules: Vec<Vec<String>> = files.iter().zip(&is_folder).map(module).collect();
        let by_module = modules.iter().cloned().enumerate().map(|(file, module)| (module, file));
        Self {
            files: by_module.collect(),
            modules,
            is_folder,
            imports: files.iter().map(|(_, text)| imports(&tokens(text))).collect(),
        }
    }

    fn used_by(&self, file: usize) -> BTreeSet<usize> {
        let own = &self.modules[file];
        let imports = self.imports[file].iter();
        let used = imports.filter(|import| !(import.public && self.is_folder[file]));
        used.filter_map(|import| self.defining_file(own, &import.path))
            .filter(|used| {
                let is_above = self.is_folder[*used] && own.starts_with(&self.modules[*used]);
                *used != file && !is_above
            })
            .collect()
    }

    /// Returns the file that defines the target of a path in the module `from`.
    fn defining_file(&self, from: &[String], path: &[String]) -> Option<usize> {
        let mut path = self.absolute(from, path)?;
        loop {
            let length =
                (0..=path.len()).rev().find(|end| self.files.contains_key(&path[..*end]))?;
            let file = self.files[&path[..length]];
            let mut exports = self.imports[file].iter().filter(|_| self.is_folder[file]);
            let export = exports.find(|export| Some(&export.name) == path.get(length));
            let onward = export.and_then(|export| self.absolute(&path[..length], &export.path));
            // A re-export that leads nowhere else is its own target.
            match onward.filter(|onward| !path.starts_with(onward)) {
                None => return Some(file),
                Some(onward) => path = onward.into_iter().chain(path.drain(length + 1..)).collect(),
            }
        }
    }

    /// Returns a path from the root of the crate, or `None` for a path into a different crate.
    fn absolute(&self, from: &[String], path: &[String]) -> Option<Vec<String>> {
        let mut absolute = from.to_vec();
        let (first, others) = path.split_first()?;
        match first.as_str() {
            "crate" => absolute.clear(),
            "self" => {}
            "super" => drop(absolute.pop()),
            child => {
                absolute.push(child.to_owned());
                if !self.files.contains_key(&absolute) {
                    return None;
                }
            }
        }
        for segment in others {
            match segment.as_str() {
                "self" => {}
                "super" => drop(absolute.pop()),
                name => absolute.push(name.to_owned()),
            }
        }
        Some(absolute)
    }
}

fn is_folder(name: &str) -> bool {
    matches!(name.rsplit('/').next(), Some("mod.rs" | "lib.rs"))
}

/// A path in a file.
#[derive(Debug, PartialEq, Eq)]
struct Import {
    path: Vec<String>,
    /// Its name in the file, if it is part of a `use` declaration.
    name: String,
    /// Whether that declaration re-exports it.
    public: bool,
}

/// Collects the paths in a file.
fn imports(tokens: &[String]) -> Vec<Import> {
    let is = |at: usize, token: &str| tokens.get(at).is_some_and(|other| other == token);
    let mut imports = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if let Some(length) = test_module(&tokens[at..]) {
            at += length;
        } else if is(at, "use") && !is(at + 1, "<") {
            let public = at > 0 && (is(at - 1, "pub") || is(at - 1, ")"));
            at = use_tree(tokens, at + 1, &[], public, &mut imports);
        } else if is_identifier(&tokens[at]) && is(at + 1, "::") {
            let mut path = vec![tokens[at].clone()];
            while is(at + 1, "::") && tokens.get(at + 2).is_some_and(|token| is_identifier(token)) {
                at += 2;
                path.push(tokens[at].clone());
            }
            imports.push(Import { path, name: String::new(), public: false });
            at += 1;
        } else {
            at += 1;
        }
    }
    imports
}

/// Collects the paths of a `use` tree that begins at a token, and returns where it ends.
fn use_tree(
    tokens: &[String],
    mut at: usize,
    prefix: &[String],
    public: bool,
    imports: &mut Vec<Import>,
) -> usize {
    let mut path = prefix.to_vec();
    loop {
        match tokens.get(at).map(String::as_str) {
            Some("{") => {
                at += 1;
                while tokens.get(at).is_some_and(|token| token != "}") {
                    let end = use_tree(tokens, at, &path, public, imports);
                    at =
                        end + usize::from(end == at || tokens.get(end).is_some_and(|it| it == ","));
                }
                return at + 1;
            }
            Some("::") => {}
            Some("as") => {
                let name = tokens.get(at + 1).cloned().unwrap_or_default();
                imports.push(Import { path, name, public });
                return at + 2;
            }
            Some(segment) if is_identifier(segment) => path.push(segment.to_owned()),
            _ => {
                let name = path.iter().rfind(|segment| *segment != "self").cloned();
                imports.push(Import { path, name: name.unwrap_or_default(), public });
                return at;
            }
        }
        at += 1;
    }
}

/// Returns the number of tokens of the test module that begins here.
fn test_module(tokens: &[String]) -> Option<usize> {
    let attribute = ["#", "[", "cfg", "(", "test", ")", "]"];
    if !tokens.iter().zip(attribute).filter(|(token, expected)| token == expected).count().eq(&7) {
        return None;
    }
    let mut at = 0;
    while tokens.get(at)? == "#" {
        at += matching(&tokens[at + 1..], "[", "]")? + 1;
    }
    (tokens.get(at)? == "mod" && tokens.get(at + 2)? == "{").then_some(())?;
    Some(at + 2 + matching(&tokens[at + 2..], "{", "}")?)
}

/// Returns the number of tokens from the first one, an opening bracket, to its closing bracket.
fn matching(tokens: &[String], open: &str, close: &str) -> Option<usize> {
    let mut depth = 0;
    let end = tokens.iter().position(|token| {
        depth += i32::from(token == open) - i32::from(token == close);
        depth == 0
    });
    end.map(|end| end + 1)
}

fn is_identifier(token: &str) -> bool {
    token.starts_with(|first: char| first.is_alphabetic() || first == '_')
}

/// Splits Rust source into words and punctuation, without comments and text literals.
fn tokens(text: &str) -> Vec<String> {
    let text: Vec<char> = text.chars().collect();
    let mut tokens = Vec::new();
    let mut rest = text.as_slice();
    while let Some(first) = rest.first() {
        let skipped = comment(rest).or_else(|| literal(rest));
        let length = skipped.unwrap_or_else(|| {
            let word = rest.iter().take_while(|c| c.is_alphanumeric() || **c == '_').count();
            word.max(if rest.starts_with(&[':', ':']) { 2 } else { 1 })
        });
        let (token, after) = rest.split_at(length.min(rest.len()));
        if skipped.is_none() && !first.is_whitespace() {
            tokens.push(token.iter().collect());
        }
        rest = after;
    }
    tokens
}

/// Returns the length of the comment that begins here.
fn comment(text: &[char]) -> Option<usize> {
    if text.starts_with(&['/', '/']) {
        return text.iter().position(|c| *c == '\n').or(Some(text.len()));
    }
    text.starts_with(&['/', '*']).then(|| {
        let (mut at, mut depth) = (0, 0);
        while at < text.len() {
            match &text[at..] {
                ['/', '*', ..] => (at, depth) = (at + 2, depth + 1),
                ['*', '/', ..] if depth == 1 => return at + 2,
                ['*', '/', ..] => (at, depth) = (at + 2, depth - 1),
                _ => at += 1,
            }
        }
        at
    })
}

/// Returns the length of the text literal that begins here. A lifetime's apostrophe does not begin
/// a literal.
fn literal(text: &[char]) -> Option<usize> {
    let end = |from: usize, end: &[char]| {
        let found = text.get(from..)?.windows(end.len()).position(|window| window == end);
        Some(found.map_or(text.len(), |at| from + at + end.len()))
    };
    match text {
        ['\'', '\\', ..] => end(3, &['\'']),
        ['\'', _, '\'', ..] => Some(3),
        ['"', ..] => {
            let mut at = 1;
            while let Some(c) = text.get(at).filter(|c| **c != '"') {
                at += if *c == '\\' { 2 } else { 1 };
            }
            Some(at + 1)
        }
        ['r', raw @ ..] | ['b' | 'c', 'r', raw @ ..] => {
            let hashes = raw.iter().take_while(|c| **c == '#').count();
            let open = text.len() - raw.len() + hashes;
            let close: Vec<char> = std::iter::once('"').chain(vec!['#'; hashes]).collect();
            (text.get(open) == Some(&'"')).then(|| end(open + 1, &close))?
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn paths(text: &str) -> Vec<String> {
        imports(&tokens(text)).iter().map(|import| import.path.join("::")).collect()
    }

    #[test]
    fn groups_aliases_and_paths_in_code_are_read() {
        let text = "pub(super) use super::a::{self, B as C, d::{E, F}};\n\
                    fn f() -> crate::g::H<super::i::J> { self::k::l(); m::n::<O>() }";
        let read = [
            "super::a::self",
            "super::a::B",
            "super::a::d::E",
            "super::a::d::F",
            "crate::g::H",
            "super::i::J",
            "self::k::l",
            "m::n",
        ];
        assert_eq!(paths(text), read);
        let names: Vec<String> = imports(&tokens(text))
            .into_iter()
            .filter(|import| import.public)
            .map(|i| i.name)
            .collect();
        assert_eq!(names, ["a", "C", "E", "F"]);
    }

    #[test]
    fn comments_literals_and_test_modules_are_ignored() {
        for text in [
            "// super::a\n/* super::b /* super::c */ super::d */",
            "const A: &str = \"\\\"super::a\"; const B: &str = r#\"\"super::b\"#;",
            "const A: [char; 3] = ['\"', '\\'', '\\u{22}']; // super::a",
            "#[cfg(test)]\n#[expect(dead_code)]\nmod tests { mod x { use super::a; } use super::b; }",
        ] {
            assert_eq!(paths(text), [""; 0], "{text}");
        }
        assert_eq!(paths("fn f<'a>(x: &'a str) { super::b(x) }"), ["super::b"]);
        assert_eq!(paths("#[cfg(test)] mod tests {} use super::b;"), ["super::b"]);
    }
}
