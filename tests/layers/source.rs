//! One file of the sources, read once: what it names, calls and makes, and where.
//!
//! `syn` reads the file. What stands inside a macro call is not syntax yet, so those tokens are read by
//! [`crate::reader`] word by word. Comments and documentation hold no code and are not read.

use std::ops::RangeInclusive;
use std::slice;

use proc_macro2::{Delimiter, LineColumn, Span, TokenStream, TokenTree};

use crate::reader;

/// A place in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct At {
    pub line: usize,
    /// In a module or an item under `#[cfg(test)]`.
    pub test: bool,
}

/// One word: an identifier or a keyword.
#[derive(Debug)]
pub struct Word {
    pub text: String,
    pub at: At,
}

/// A path as it is written, groups of a `use` written out: `a::{b, c as d}` is `a::b` and `a::c`.
#[derive(Debug)]
pub struct Path {
    pub words: Vec<String>,
    /// The modules of this file that it stands in.
    pub inside: Vec<String>,
    /// What a `use` calls it from there on.
    pub binds: Option<String>,
    pub how: How,
    pub at: At,
}

/// How a path is named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// Where it is needed, without a `use`.
    InPlace,
    Use,
    /// By a `use` that others can see: `pub use`, `pub(crate) use`.
    PubUse,
}

/// `.method(..)`
#[derive(Debug)]
pub struct Call {
    pub method: String,
    pub has_arguments: bool,
    pub at: At,
}

/// `mod name;` or `mod name { .. }`
#[derive(Debug)]
pub struct Child {
    pub name: String,
    pub inside: Vec<String>,
    pub has_own_file: bool,
    pub at: At,
}

/// One file.
#[derive(Debug, Default)]
pub struct Source {
    /// Below `src/`.
    pub path: String,
    /// `gate/head.rs` is `[gate, head]`, `gate/mod.rs` and `gate.rs` are `[gate]`, `main.rs` is `[]`.
    pub module: Vec<String>,
    /// Not blank, and not in a test module.
    pub lines: usize,
    pub words: Vec<Word>,
    /// String literals as they are written.
    pub strings: Vec<Word>,
    pub paths: Vec<Path>,
    pub calls: Vec<Call>,
    /// The types of struct expressions.
    pub made: Vec<Word>,
    /// The macros that are called.
    pub macros: Vec<Word>,
    /// A `Result` with a String for an error.
    pub text_errors: Vec<At>,
    pub children: Vec<Child>,
    /// The files that a table in the module's documentation lists.
    pub table: Vec<Word>,
}

impl Source {
    /// A file that is no Rust fails the test.
    pub fn new(path: &str, text: &str) -> Self {
        let tokens: TokenStream = text.parse().unwrap_or_else(|e| panic!("src/{path}: {e}"));
        let tests = Tests::find(&tokens);
        let mut source = Self { path: path.to_owned(), module: module(path), ..Self::default() };
        let counted = text.lines().enumerate();
        let counted = counted.filter(|(place, line)| !line.trim().is_empty() && !tests.hold_line(place + 1));
        source.lines = counted.count();
        source.table = table(text);
        reader::read(&tokens, tests, &mut source);
        source
    }

    pub fn room(&self) -> &str {
        self.module.first().map_or(self.path.trim_end_matches(".rs"), String::as_str)
    }

    /// The name of the file in a list: without `.rs` and `/mod`.
    pub fn name(&self) -> String {
        if self.module.is_empty() { self.room().to_owned() } else { self.module.join("/") }
    }

    pub fn folder(&self) -> &str {
        self.path.rsplit_once('/').map_or("", |(folder, _)| folder)
    }

    pub fn says(&self, at: At, breach: &str) -> String {
        format!("src/{}:{}: {breach}", self.path, at.line)
    }

    /// Modules of tests that have files of their own.
    pub fn test_modules(&self) -> Vec<Vec<String>> {
        let files = self.children.iter().filter(|child| child.at.test && child.has_own_file);
        files.map(|child| [&self.module[..], &child.inside, slice::from_ref(&child.name)].concat()).collect()
    }

    /// The whole file is test code.
    pub fn become_test(&mut self) {
        self.lines = 0;
        let words = [&mut self.words, &mut self.strings, &mut self.made, &mut self.macros];
        let words = words.into_iter().flatten();
        let places = words.map(|word| &mut word.at);
        let places = places.chain(self.paths.iter_mut().map(|path| &mut path.at));
        let places = places.chain(self.calls.iter_mut().map(|call| &mut call.at));
        let places = places.chain(&mut self.text_errors);
        let places = places.chain(self.children.iter_mut().map(|child| &mut child.at));
        places.for_each(|at| at.test = true);
    }
}

fn module(path: &str) -> Vec<String> {
    let stem = path.trim_end_matches(".rs");
    let stem = stem.strip_suffix("/mod").unwrap_or(stem);
    if matches!(stem, "main" | "lib") { Vec::new() } else { stem.split('/').map(str::to_owned).collect() }
}

/// The names in the rows that begin with a link: ``//! | [`name`] | noun |``.
fn table(text: &str) -> Vec<Word> {
    let row = |(place, line): (usize, &str)| {
        let (name, _) = line.strip_prefix("//! | [`")?.split_once("`]")?;
        Some(Word { text: name.to_owned(), at: At { line: place + 1, test: false } })
    };
    text.lines().enumerate().filter_map(row).collect()
}

/// Where the test code of a file is.
#[derive(Debug, Default)]
pub struct Tests(Vec<RangeInclusive<LineColumn>>);

impl Tests {
    fn find(tokens: &TokenStream) -> Self {
        let mut found = Self::default();
        found.add(tokens);
        found
    }

    pub fn place(&self, span: Span) -> At {
        let start = span.start();
        At { line: start.line, test: self.0.iter().any(|range| range.contains(&start)) }
    }

    fn hold_line(&self, line: usize) -> bool {
        self.0.iter().any(|range| (range.start().line..=range.end().line).contains(&line))
    }

    /// An item under `#[cfg(test)]` ends with its first block or semicolon.
    fn add(&mut self, tokens: &TokenStream) {
        let trees: Vec<TokenTree> = tokens.clone().into_iter().collect();
        let mut at = 0;
        while at < trees.len() {
            if is_cfg_test(&trees[at..]) {
                let begin = trees[at].span().start();
                while is_attribute(&trees[at..]) {
                    at += 2;
                }
                at += trees[at..].iter().take_while(|tree| !ends_item(tree)).count();
                let last = &trees[at.min(trees.len() - 1)];
                self.0.push(begin..=last.span().end());
            } else if let TokenTree::Group(group) = &trees[at] {
                self.add(&group.stream());
            }
            at += 1;
        }
    }
}

fn is_attribute(trees: &[TokenTree]) -> bool {
    matches!(trees, [TokenTree::Punct(hash), TokenTree::Group(group), ..]
        if hash.as_char() == '#' && group.delimiter() == Delimiter::Bracket)
}

fn is_cfg_test(trees: &[TokenTree]) -> bool {
    is_attribute(trees) && trees[1].to_string().replace(' ', "") == "[cfg(test)]"
}

fn ends_item(tree: &TokenTree) -> bool {
    match tree {
        TokenTree::Punct(punct) => punct.as_char() == ';',
        TokenTree::Group(group) => group.delimiter() == Delimiter::Brace,
        _ => false,
    }
}
