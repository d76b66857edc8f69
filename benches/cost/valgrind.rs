//! What callgrind counts: instructions, and calls of the allocator.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::process::Command;

/// Counts of one run, or of one operation.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Counts {
    pub instructions: f64,
    pub allocations: f64,
    /// Of the instructions, those that hash blocks with SHA-256. valgrind hides the processor's own instructions for
    /// that from the program, which then needs many times as many.
    pub hashing: f64,
}

impl Counts {
    /// What each of `more` further operations took.
    pub fn each(self, before: Self, more: usize) -> Self {
        let more = f64::from(u32::try_from(more).unwrap_or(u32::MAX));
        Self {
            instructions: (self.instructions - before.instructions) / more,
            allocations: (self.allocations - before.allocations) / more,
            hashing: (self.hashing - before.hashing) / more,
        }
    }
}

/// A command that runs under callgrind and leaves its counts in `folder`, a file for each thread.
pub fn command(folder: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command.args(["--tool=callgrind", "--separate-threads=yes", "--error-exitcode=97", "-q"]);
    command.arg(format!("--callgrind-out-file={}", folder.join("callgrind").display()));
    // What another run left would be read as this one's.
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        if entry.file_name().to_string_lossy().starts_with("callgrind") {
            fs::remove_file(entry.path()).unwrap();
        }
    }
    command
}

/// The counts of the thread that did most. The others (the log's writer, the watcher) work by the clock: theirs
/// depend on how long the run took.
pub fn busiest(folder: &Path) -> Counts {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let files = files.filter(|path| path.file_name().unwrap().to_string_lossy().starts_with("callgrind-"));
    let all = files.map(|path| read(&fs::read_to_string(path).unwrap()));
    all.max_by(|a, b| a.instructions.total_cmp(&b.instructions)).expect("counts of a thread")
}

/// Reads a file of callgrind's: the sum of instructions, and calls into the allocator from outside of it.
fn read(text: &str) -> Counts {
    let mut names = HashMap::new();
    let (mut inside, mut target) = (String::new(), String::new());
    let mut counts = Counts::default();
    // What follows `calls=` is the cost of what was called.
    let mut of_callee = false;
    for line in text.lines() {
        if line.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '*')) {
            if !of_callee && inside.contains("sha256_block_data_order") {
                counts.hashing += line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
            }
            of_callee = false;
            continue;
        }
        if let Some(rest) = line.strip_prefix("fn=") {
            inside = name(&mut names, rest);
        } else if let Some(rest) = line.strip_prefix("cfn=") {
            target = name(&mut names, rest);
        } else if let Some(rest) = line.strip_prefix("calls=") {
            of_callee = true;
            if allocates(&target) && !is_allocator(&inside) {
                counts.allocations += rest.split(' ').next().unwrap().parse::<f64>().unwrap();
            }
        } else if let Some(rest) = line.strip_prefix("summary: ") {
            counts.instructions = rest.trim().parse().unwrap();
        }
    }
    counts
}

/// A name is written out once, `(7) name`, and from then on is `(7)`.
fn name(names: &mut HashMap<String, String>, text: &str) -> String {
    let (number, rest) = text.split_once(')').expect("a name of callgrind's");
    if rest.is_empty() {
        return names[number].clone();
    }
    names.insert(number.to_owned(), rest.trim().to_owned());
    rest.trim().to_owned()
}

fn is_allocator(function: &str) -> bool {
    function.starts_with("_rjem_")
}

/// What the crate tikv-jemallocator calls for Rust's allocator: nothing else of the program does.
fn allocates(function: &str) -> bool {
    let function = function.split('\'').next().unwrap_or_default();
    ["malloc", "calloc", "realloc", "mallocx", "rallocx"]
        .iter()
        .any(|end| function.strip_prefix("_rjem_") == Some(end))
}
