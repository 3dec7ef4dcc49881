//! Organizations: the caller's organization and its accounts.
use super::json::{self, JsonError};
use super::response::Response;
use super::route::Call;
use crate::world::World;
use serde_json::{Value, json};

/// Responds to DescribeOrganization. The management account is the owner of the organization trail,
/// if there is one.
pub(super) fn describe_organization(world: &World) -> Result<Response, JsonError> {
    let id = world.organization_id.as_deref().ok_or_else(|| {
        JsonError::new(
            400,
            "AWSOrganizationsNotInUseException",
            "Your account is not a member of an organization.",
        )
    })?;
    let account = world
        .trails
        .iter()
        .find(|trail| trail.organization)
        .and_then(|trail| trail.arn.split(':').nth(4))
        .unwrap_or("111122223333");
    Ok(json::response(&json!({
        "Organization": {
            "Id": id,
            "Arn": format!("arn:aws:organizations::{account}:organization/{id}"),
            "FeatureSet": "ALL",
            "MasterAccountId": account,
            "MasterAccountArn": format!("arn:aws:organizations::{account}:account/{id}/{account}"),
            "MasterAccountEmail": "management@example.com",
            "AvailablePolicyTypes": [],
        }
    })))
}

/// Accounts on one page.
const PAGE: usize = 2;

/// Responds to ListAccounts with two accounts a page; the first page is empty and continues, as the
/// service's may.
pub(super) fn list_accounts(world: &World, call: &Call) -> Result<Response, JsonError> {
    let asked: Value = serde_json::from_str(&call.page).unwrap_or_default();
    let token = asked.get("NextToken").and_then(Value::as_str);
    let Some(from) = token.map(|token| token.parse::<usize>().unwrap_or(usize::MAX)) else {
        return Ok(json::response(&json!({ "Accounts": [], "NextToken": "0" })));
    };
    let members = world.accounts.iter().skip(from).take(PAGE);
    let accounts: Vec<Value> = members
        .map(|member| {
            json!({
                "Id": member.id,
                "Name": member.name,
                "State": member.state,
                "JoinedTimestamp": member.joined,
            })
        })
        .collect();
    let next = from.saturating_add(PAGE);
    let mut page = json!({ "Accounts": accounts });
    if next < world.accounts.len()
        && let Some(fields) = page.as_object_mut()
    {
        fields.insert("NextToken".to_owned(), next.to_string().into());
    }
    Ok(json::response(&page))
}
