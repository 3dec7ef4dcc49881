//! The options for the period and the scope, which several commands share.
use clap::Args;

/// The period, the scope, and what is expected in it.
#[derive(Args, Clone, Debug, Default)]
pub(crate) struct Selection {
    /// Start of the period: `2026-07-01` or `2026-07-01T00:00:00Z`
    #[arg(long, value_name = "TIME", group = "from")]
    pub(crate) start_time: Option<String>,
    /// End of the period [default: now]
    #[arg(long, value_name = "TIME", conflicts_with_all = ["last", "quarter"])]
    pub(crate) end_time: Option<String>,
    /// Period up to now: `90d`, `12h`
    #[arg(long, value_name = "SPAN", group = "from")]
    pub(crate) last: Option<String>,
    /// Calendar quarter, in UTC: `2026Q3`
    #[arg(long, value_name = "QUARTER", group = "from")]
    pub(crate) quarter: Option<String>,
    /// Verify only this trail, by name or ARN (repeatable)
    #[arg(long, value_name = "TRAIL")]
    pub(crate) trail: Vec<String>,
    /// Verify only this account (repeatable)
    #[arg(long, value_name = "ID")]
    pub(crate) account: Vec<String>,
    /// Verify only log files of this region (repeatable)
    #[arg(long = "region", id = "region", value_name = "REGION")]
    pub(crate) regions: Vec<String>,
    /// Accounts that must have logs: an ID, a FILE with IDs (`ID # NAME` names one), or
    /// `organization` for the active accounts that AWS Organizations lists (repeatable). This
    /// narrows nothing
    #[arg(long, value_name = "organization|FILE|ID", value_delimiter = ',')]
    pub(crate) expect_accounts: Vec<String>,
    /// Regions that must have logs, in each expected account (repeatable)
    #[arg(long, value_name = "REGION", value_delimiter = ',')]
    pub(crate) expect_regions: Vec<String>,
    /// State when chains ended: `111122223333/eu-west-1=2026-03-01T12:00:00Z`; the trail or the
    /// region (`111122223333//audit=…`) may be left out (repeatable)
    #[arg(long, value_name = "ACCOUNT[/REGION][/TRAIL]=TIME")]
    pub(crate) known_end: Vec<String>,
}

impl Selection {
    /// Returns whether any of the options was typed.
    pub(crate) fn is_typed(&self) -> bool {
        let Self {
            start_time,
            end_time,
            last,
            quarter,
            trail,
            account,
            regions,
            expect_accounts,
            expect_regions,
            known_end,
        } = self;
        let one = [start_time, end_time, last, quarter].into_iter().any(Option::is_some);
        let many = [trail, account, regions, expect_accounts, expect_regions, known_end];
        one || many.into_iter().any(|typed| !typed.is_empty())
    }
}
