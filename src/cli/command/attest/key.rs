//! `trailproof attest keygen`: creates a key pair.
use super::files::shown;
use crate::attest::key::{KeyError, SigningKey};
use crate::cli::args::attest::KeygenArgs;
use crate::console::exit::ExitStatus;
use crate::console::refusal::Refusal;
use crate::console::stream::{print_to_stderr, print_to_stdout};
use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// Creates a key pair. Neither file may exist.
pub(crate) fn keygen(args: &KeygenArgs) -> Result<ExitStatus, Refusal> {
    let defect = |why: KeyError| Refusal::output_lost(why.to_string());
    let key = SigningKey::generate().map_err(defect)?;
    let public = key.public().map_err(defect)?;
    let (private_text, public_text) =
        (key.to_pem().map_err(defect)?, public.to_pem().map_err(defect)?);
    let mut private = create(&args.output, 0o600)?;
    let written = fill(&mut private, &private_text)
        .map_err(|error| lost(&args.output, &error))
        .and_then(|()| match &args.public {
            Some(path) => {
                let mut file = create(path, 0o644)?;
                fill(&mut file, &public_text).map_err(|error| lost(path, &error))
            }
            None => {
                let words = "cannot write the public key to stdout";
                print_to_stdout(public_text.as_bytes())
                    .map_err(|error| Refusal::output_lost(format!("{words}: {error}")))
            }
        });
    if let Err(refusal) = written {
        // A private key is useless without its public key. This file was created above.
        let _ = std::fs::remove_file(&args.output);
        return Err(refusal);
    }
    print_to_stderr(&format!("key id: {}", public.id()));
    Ok(ExitStatus::Success)
}

fn create(path: &Path, mode: u32) -> Result<File, Refusal> {
    let opened = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    opened.map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Refusal::usage(format!(
            "`{}` already exists; key files are never overwritten",
            shown(path)
        )),
        _ => lost(path, &error),
    })
}

fn fill(file: &mut File, text: &str) -> io::Result<()> {
    file.write_all(text.as_bytes()).and_then(|()| file.sync_all())
}

fn lost(path: &Path, error: &io::Error) -> Refusal {
    Refusal::output_lost(format!("cannot write `{}`: {error}", shown(path)))
}
