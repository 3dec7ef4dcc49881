//! The options of `events`.
use super::aws::concurrency;
use super::selection::Selection;
use clap::Args;
use std::path::PathBuf;

/// Formats of the events.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum EventsFormat {
    /// Text for people
    Text,
    /// One document, in JSON
    Json,
    /// One event with its proof per line, in JSON
    Jsonl,
    /// A table, in CSV
    Csv,
}

/// What to search for.
#[derive(Args, Clone, Debug, Default)]
#[command(next_help_heading = "Search")]
pub(crate) struct FilterArgs {
    /// Name of the event: `StopLogging`, `Delete*` (repeatable)
    #[arg(long, value_name = "NAME")]
    pub(crate) name: Vec<String>,
    /// Caller: an ARN, a user, a role, a service or an account (repeatable)
    #[arg(long, value_name = "PRINCIPAL")]
    pub(crate) principal: Vec<String>,
    /// Address of the caller: `198.51.100.7`, `198.51.100.*` (repeatable)
    #[arg(long, value_name = "ADDRESS")]
    pub(crate) source_ip: Vec<String>,
    /// Access key id of the caller (repeatable)
    #[arg(long, value_name = "ID")]
    pub(crate) access_key: Vec<String>,
    /// ARN or name of a resource, or the value of any request parameter (repeatable)
    #[arg(long, value_name = "RESOURCE")]
    pub(crate) resource: Vec<String>,
    /// Time of the first event
    #[arg(long = "from", id = "event_from", value_name = "TIME")]
    pub(crate) from: Option<String>,
    /// Time before which events happened
    #[arg(long = "to", id = "event_to", value_name = "TIME")]
    pub(crate) to: Option<String>,
}

/// The options of `events`.
#[derive(Args, Debug)]
pub(crate) struct EventsArgs {
    /// Run record, written by `verify --record`, or evidence: `s3://BUCKET[/PREFIX]`, or a directory
    /// with a copy of it
    #[arg(value_name = "RECORD|LOCATION")]
    pub(crate) evidence: String,
    /// Evidence of the record [default: where its run read it]
    #[arg(value_name = "LOCATION")]
    pub(crate) location: Option<String>,
    #[command(flatten)]
    pub(crate) filter: FilterArgs,
    /// Events that a review of the period should have seen: management events that stop, narrow or
    /// redirect a trail, or change what protects its evidence or watches over it
    #[arg(long, conflicts_with = "name", help_heading = "Search")]
    pub(crate) review: bool,
    /// Continue after this log file, the last one of an earlier output: `s3://BUCKET/KEY`
    #[arg(long, value_name = "LOG_FILE")]
    pub(crate) after: Option<String>,
    #[command(flatten)]
    pub(crate) selection: Selection,
    /// Trust the public keys in FILE instead of asking AWS (repeatable)
    #[arg(long, value_name = "FILE")]
    pub(crate) public_keys: Vec<PathBuf>,
    /// Original bucket of the copy, if its digests do not agree on one
    #[arg(long, value_name = "BUCKET")]
    pub(crate) bucket: Option<String>,
    /// Read objects that were delivered to OLD from NEW: `s3://OLD[/PREFIX]=s3://NEW[/PREFIX]` or
    /// `s3://OLD[/PREFIX]=DIRECTORY` (repeatable)
    #[arg(long, value_name = "OLD=NEW")]
    pub(crate) relocate: Vec<String>,
    /// Format of the events
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = EventsFormat::Text)]
    pub(crate) format: EventsFormat,
    /// Limit of concurrent requests [default: adapts to the store, up to 256]
    #[arg(long, value_name = "N", value_parser = concurrency)]
    pub(crate) concurrency: Option<usize>,
}
