//! From the syntax of a file to what it names, calls and makes.

use proc_macro2::{Delimiter, Group, Ident, Literal, Span, TokenStream, TokenTree};
use syn::visit::{self, Visit};
use syn::{
    ExprMethodCall, ExprStruct, GenericArgument, ItemMod, ItemUse, Macro, MetaList, PathArguments,
    PathSegment, UseTree, Visibility,
};

use crate::source::{Call, Child, How, Path, Source, Tests, Word};

pub fn read(tokens: &TokenStream, tests: Tests, into: &mut Source) {
    let file: syn::File = syn::parse2(tokens.clone())
        .unwrap_or_else(|e| panic!("src/{}:{}: {e}", into.path, e.span().start().line));
    let mut reader = Reader { tests, inside: Vec::new(), into };
    reader.words(tokens.clone());
    reader.visit_file(&file);
}

struct Reader<'s> {
    tests: Tests,
    /// The modules of this file around what is read.
    inside: Vec<String>,
    into: &'s mut Source,
}

impl Reader<'_> {
    fn word(&self, ident: &Ident) -> Word {
        Word { text: ident.to_string(), at: self.tests.place(ident.span()) }
    }

    fn words(&mut self, tokens: TokenStream) {
        for tree in tokens {
            match tree {
                TokenTree::Ident(ident) => self.into.words.push(self.word(&ident)),
                TokenTree::Group(group) if is_documentation(&group) => {}
                TokenTree::Group(group) => self.words(group.stream()),
                TokenTree::Literal(literal) => self.literal(&literal),
                TokenTree::Punct(_) => {}
            }
        }
    }

    fn literal(&mut self, literal: &Literal) {
        let text = literal.to_string();
        if text.ends_with(['"', '#']) {
            self.into.strings.push(Word { text, at: self.tests.place(literal.span()) });
        }
    }

    fn path(&mut self, words: Vec<String>, binds: Option<String>, how: How, span: Span) {
        let (inside, at) = (self.inside.clone(), self.tests.place(span));
        self.into.paths.push(Path { words, inside, binds, how, at });
    }

    fn call(&mut self, method: &Ident, has_arguments: bool) {
        let at = self.tests.place(method.span());
        self.into.calls.push(Call { method: method.to_string(), has_arguments, at });
    }

    fn use_tree(&mut self, tree: &UseTree, before: &[String], how: How) {
        let with = |word: &str| [before, &[word.to_owned()]].concat();
        match tree {
            UseTree::Path(path) => self.use_tree(&path.tree, &with(&path.ident.to_string()), how),
            UseTree::Group(group) => {
                group.items.iter().for_each(|tree| self.use_tree(tree, before, how));
            }
            UseTree::Glob(glob) => self.path(with("*"), None, how, glob.star_token.spans[0]),
            UseTree::Name(name) => self.use_name(&name.ident, None, before, how),
            UseTree::Rename(name) => self.use_name(&name.ident, Some(&name.rename), before, how),
        }
    }

    /// `self` in a group is what stands before the group.
    fn use_name(&mut self, name: &Ident, rename: Option<&Ident>, before: &[String], how: How) {
        let words = if name == "self" { before.to_vec() } else { [before, &[name.to_string()]].concat() };
        let binds = rename.map(Ident::to_string).or_else(|| words.last().cloned());
        self.path(words, binds, how, name.span());
    }

    /// What a macro or an attribute is given.
    fn macro_tokens(&mut self, tokens: TokenStream) {
        let trees: Vec<TokenTree> = tokens.into_iter().collect();
        for (at, tree) in trees.iter().enumerate() {
            match tree {
                TokenTree::Group(group) => self.macro_tokens(group.stream()),
                TokenTree::Ident(ident) if ident == "use" => self.macro_use(&trees[at..]),
                TokenTree::Ident(ident) => self.macro_ident(ident, &trees[..at], &trees[at + 1..]),
                TokenTree::Punct(_) | TokenTree::Literal(_) => {}
            }
        }
    }

    fn macro_use(&mut self, trees: &[TokenTree]) {
        let end = trees.iter().position(|tree| is_punct(tree, ';')).map_or(trees.len(), |at| at + 1);
        if let Ok(item) = syn::parse2::<ItemUse>(trees[..end].iter().cloned().collect()) {
            self.visit_item_use(&item);
        }
    }

    fn macro_ident(&mut self, ident: &Ident, before: &[TokenTree], after: &[TokenTree]) {
        let field = before.last().is_some_and(|tree| is_punct(tree, '.')) && !ends_range(before);
        if field {
            if let [TokenTree::Group(group), ..] = after
                && group.delimiter() == Delimiter::Parenthesis
            {
                self.call(ident, !group.stream().is_empty());
            }
            return;
        }
        match after {
            [bang, TokenTree::Group(_), ..] if is_punct(bang, '!') => {
                self.into.macros.push(self.word(ident));
            }
            [TokenTree::Group(group), ..] if group.delimiter() == Delimiter::Brace && !declares(before) => {
                self.into.made.push(self.word(ident));
            }
            _ => {}
        }
        if !ends_with_colons(before) {
            let words = [vec![ident.to_string()], words_after_colons(after)].concat();
            if words.len() > 1 {
                self.path(words, None, How::InPlace, ident.span());
            }
        }
    }
}

impl<'ast> Visit<'ast> for Reader<'_> {
    fn visit_item_mod(&mut self, item: &'ast ItemMod) {
        let name = item.ident.to_string();
        let at = self.tests.place(item.ident.span());
        let has_own_file = item.content.is_none();
        self.into.children.push(Child { name: name.clone(), inside: self.inside.clone(), has_own_file, at });
        self.inside.push(name);
        visit::visit_item_mod(self, item);
        self.inside.pop();
    }

    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        let private = matches!(item.vis, Visibility::Inherited);
        self.use_tree(&item.tree, &[], if private { How::Use } else { How::PubUse });
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let words: Vec<String> = path.segments.iter().map(|segment| segment.ident.to_string()).collect();
        if words.len() > 1 {
            self.path(words, None, How::InPlace, path.segments[0].ident.span());
        }
        visit::visit_path(self, path);
    }

    /// `Result<T, String>`, under whatever path both stand.
    fn visit_path_segment(&mut self, segment: &'ast PathSegment) {
        if segment.ident == "Result" && error_of(&segment.arguments).is_some_and(is_string) {
            self.into.text_errors.push(self.tests.place(segment.ident.span()));
        }
        visit::visit_path_segment(self, segment);
    }

    fn visit_expr_method_call(&mut self, call: &'ast ExprMethodCall) {
        self.call(&call.method, !call.args.is_empty());
        visit::visit_expr_method_call(self, call);
    }

    fn visit_expr_struct(&mut self, made: &'ast ExprStruct) {
        let name = made.path.segments.last().map(|segment| self.word(&segment.ident));
        self.into.made.extend(name);
        visit::visit_expr_struct(self, made);
    }

    fn visit_macro(&mut self, called: &'ast Macro) {
        let name = called.path.segments.last().map(|segment| self.word(&segment.ident));
        self.into.macros.extend(name);
        self.visit_path(&called.path);
        self.macro_tokens(called.tokens.clone());
    }

    fn visit_meta_list(&mut self, list: &'ast MetaList) {
        self.visit_path(&list.path);
        self.macro_tokens(list.tokens.clone());
    }

    /// `pub(in path)` names what is around it, and imports nothing.
    fn visit_visibility(&mut self, _: &'ast Visibility) {}
}

/// What stands in the place of a `Result`'s error.
fn error_of(arguments: &PathArguments) -> Option<&syn::Type> {
    let PathArguments::AngleBracketed(arguments) = arguments else { return None };
    match arguments.args.iter().nth(1) {
        Some(GenericArgument::Type(error)) => Some(error),
        _ => None,
    }
}

fn is_string(what: &syn::Type) -> bool {
    matches!(what, syn::Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "String"))
}

/// `/// text` and `#[doc = "text"]` are the same to a reader.
fn is_documentation(group: &Group) -> bool {
    let tokens: Vec<TokenTree> = group.stream().into_iter().take(2).collect();
    group.delimiter() == Delimiter::Bracket
        && matches!(&tokens[..], [TokenTree::Ident(doc), equals] if doc == "doc" && is_punct(equals, '='))
}

fn is_punct(tree: &TokenTree, sign: char) -> bool {
    matches!(tree, TokenTree::Punct(punct) if punct.as_char() == sign)
}

fn ends_with_colons(trees: &[TokenTree]) -> bool {
    matches!(trees, [.., one, two] if is_punct(one, ':') && is_punct(two, ':'))
}

fn ends_range(trees: &[TokenTree]) -> bool {
    matches!(trees, [.., one, two] if is_punct(one, '.') && is_punct(two, '.'))
}

fn words_after_colons(trees: &[TokenTree]) -> Vec<String> {
    match trees {
        [one, two, TokenTree::Ident(ident), rest @ ..] if is_punct(one, ':') && is_punct(two, ':') => {
            [vec![ident.to_string()], words_after_colons(rest)].concat()
        }
        _ => Vec::new(),
    }
}

/// A brace after `struct Name`, `impl Name`, `for Name` or `-> Name` makes no value.
fn declares(before: &[TokenTree]) -> bool {
    match before.last() {
        Some(TokenTree::Ident(word)) => word == "struct" || word == "impl" || word == "for",
        Some(tree) => is_punct(tree, '>'),
        None => false,
    }
}
