//! Which period and which chains: the same options for every command that looks at a trail.
use clap::Args;

/// The period, and what to look at in it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Selection {
    /// First second of the period: `2026-07-01` or `2026-07-01T00:00:00Z`
    #[arg(long, value_name = "TIME", group = "from")]
    pub(crate) start_time: Option<String>,
    /// End of the period [default: now]
    #[arg(long, value_name = "TIME", conflicts_with_all = ["last", "quarter"])]
    pub(crate) end_time: Option<String>,
    /// The time up to now: `90d`, `12h`
    #[arg(long, value_name = "SPAN", group = "from")]
    pub(crate) last: Option<String>,
    /// A calendar quarter, in UTC: `2026Q3`
    #[arg(long, value_name = "QUARTER", group = "from")]
    pub(crate) quarter: Option<String>,
    /// Only this trail, by name or ARN; may be given again
    #[arg(long, value_name = "TRAIL")]
    pub(crate) trail: Vec<String>,
    /// Only this account; may be given again
    #[arg(long, value_name = "ID")]
    pub(crate) account: Vec<String>,
    /// Only log files of this region; may be given again
    #[arg(long = "region", id = "region", value_name = "REGION")]
    pub(crate) regions: Vec<String>,
    /// Accounts that must be there: an ID, a FILE with IDs, or `organization` for the active accounts
    /// that Organizations lists (repeatable). They do not narrow what is verified
    #[arg(long, value_name = "organization|FILE|ID", value_delimiter = ',')]
    pub(crate) expect_accounts: Vec<String>,
    /// Regions that must be there, in each account to expect (repeatable)
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub(crate) expect_regions: Vec<String>,
    /// State that chains ended, and when: `111122223333/eu-west-1=2026-03-01T12:00:00Z`; the region
    /// or the trail (`111122223333//audit=…`) may be left out (repeatable)
    #[arg(long, value_name = "ACCOUNT[/REGION][/TRAIL]=TIME")]
    pub(crate) known_end: Vec<String>,
}
