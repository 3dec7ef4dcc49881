//! The machine's limit for a directory: reads every file, inflates and hashes it on all cores, and
//! checks nothing.
use crate::Outcome;
use sha2::{Digest as _, Sha256};
use sirocco::inflate::Decoder;
use std::fmt;
use std::fs::File;
use std::hint::black_box;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Up to this size, libdeflate with one buffer is the fastest option; above it, inflating in blocks
/// that are hashed while they are still in the cache.
const WHOLE: usize = 4 << 20;
const BLOCK: usize = 256 << 10;

/// The amount of work that the loop did.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Hashed {
    pub(crate) objects: u64,
    pub(crate) inflated: u64,
}

impl fmt::Display for Hashed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.objects, self.inflated)
    }
}

impl FromStr for Hashed {
    type Err = Box<dyn std::error::Error>;

    fn from_str(text: &str) -> Outcome<Self> {
        let (objects, inflated) = text.split_once(' ').ok_or("not two numbers")?;
        Ok(Self { objects: objects.parse()?, inflated: inflated.parse()? })
    }
}

/// Hashes every file below a directory: `--bare-directory DIRECTORY`.
pub(crate) fn hash_all(mut arguments: impl Iterator<Item = String>) -> Outcome<()> {
    let directory = arguments.next().ok_or("too few arguments of `--bare-directory`")?;
    let mut files = Vec::new();
    find(Path::new(&directory), &mut files)?;
    let next = AtomicUsize::new(0);
    let threads = thread::available_parallelism()?.get();
    let hashed = thread::scope(|scope| {
        let workers: Vec<_> =
            (0..threads).map(|_| scope.spawn(|| work(&files, &next).ok())).collect();
        workers.into_iter().map(|worker| worker.join().ok().flatten()).collect::<Option<Vec<_>>>()
    });
    let hashed = hashed.ok_or("a file could not be read")?;
    println!(
        "{}",
        Hashed {
            objects: hashed.iter().map(|one| one.objects).sum(),
            inflated: hashed.iter().map(|one| one.inflated).sum(),
        }
    );
    Ok(())
}

fn find(folder: &Path, files: &mut Vec<PathBuf>) -> Outcome<()> {
    for entry in std::fs::read_dir(folder)? {
        let entry = entry?;
        let path = entry.path();
        if entry.file_type()?.is_dir() {
            find(&path, files)?;
        } else if path.extension().is_some_and(|extension| extension == "gz") {
            files.push(path);
        }
    }
    Ok(())
}

fn work(files: &[PathBuf], next: &AtomicUsize) -> Outcome<Hashed> {
    let mut whole = libdeflater::Decompressor::new();
    let mut blocks = Decoder::new(sirocco::Format::Deflate);
    let (mut input, mut output, mut block) = (vec![0; WHOLE], vec![0; WHOLE], vec![0; BLOCK]);
    let mut hashed = Hashed::default();
    while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
        let mut file = File::open(path)?;
        let length = read(&mut file, &mut input[..BLOCK])?;
        hashed.objects += 1;
        if length < BLOCK {
            // A ten-byte header without optional fields and an eight-byte trailer.
            let [.., a, b, c, d] = input[..length] else { return Err("too short".into()) };
            let size = usize::try_from(u32::from_le_bytes([a, b, c, d]))?;
            if size <= WHOLE {
                let body = &input[10..length - 8];
                let made = whole.deflate_decompress(body, &mut output[..size])?;
                black_box(Sha256::digest(&output[..made]));
                hashed.inflated += u64::try_from(made)?;
                continue;
            }
        }
        let (mut hasher, mut from, mut length) = (Sha256::new(), 10, length);
        'file: loop {
            while from < length {
                let came = blocks.decompress(&input[from..length], &mut block, false)?;
                hasher.update(came.output);
                hashed.inflated += u64::try_from(came.output.len())?;
                from += came.consumed;
                if came.done {
                    break 'file;
                }
                if came.full {
                    blocks.make_room(&mut block);
                }
            }
            length = read(&mut file, &mut input[..BLOCK])?;
            from = 0;
            if length == 0 {
                return Err("a file is cut short".into());
            }
        }
        black_box(hasher.finalize());
    }
    Ok(hashed)
}

/// Fills the buffer until it is full or the file ends.
fn read(file: &mut File, buffer: &mut [u8]) -> Outcome<usize> {
    let mut length = 0;
    while length < buffer.len() {
        match file.read(&mut buffer[length..])? {
            0 => break,
            more => length += more,
        }
    }
    Ok(length)
}
