//! `sync` when something fails: what went well is kept, the rest is told with its reason.

use lmp_billing_sync::simulator::{BadEntry, Fault, FaultRule};

use super::lab::{CommandLab, SECRET_KEY, months_ago, report, token};

#[tokio::test]
async fn a_cycle_that_fails_is_told_with_its_reason_and_the_others_are_kept() {
    let lab = CommandLab::new().await;
    let [bad, good] = [1, 2].map(months_ago);
    lab.handle().push_fault(FaultRule::always(Fault::Html).on_cycle(bad));
    let [bad, good] = [bad, good].map(|cycle| cycle.to_string());
    let ended = lab.call(&["sync", "--cycle", &bad, "--cycle", &good]).ends_with(1).await;
    ended.says(&["1 of 2 polls", &format!("emea {bad} failed: "), "maintenance"]);
    let polls = "select to_char(cycle, 'YYYY-MM ') || outcome from lmp_billing.cycle_polls order by cycle";
    assert_eq!(lab.texts(polls).await, [format!("{good} applied"), format!("{bad} failed")]);
    assert_eq!(lab.texts("select outcome from lmp_billing.sync_runs").await, ["partial"]);
}

#[tokio::test]
async fn a_failure_is_in_json_and_csv_too() {
    let lab = CommandLab::new().await;
    lab.handle().push_fault(FaultRule::always(Fault::Status { code: 503, retry_after: None }));
    let cycle = months_ago(1).to_string();
    let call = async |output| lab.call(&["sync", "--cycle", &cycle, "--output", output]).ends_with(1).await;
    let document = call("json").await.json();
    assert_eq!(document["runs"][0]["outcome"], "failed");
    assert_eq!(document["polls"][0]["outcome"], "failed");
    assert_eq!(document["polls"][0]["http_status"], 503);
    assert!(document["polls"][0]["error"].as_str().unwrap().contains("503"));
    let (_, rows) = call("csv").await.csv();
    assert!(rows[0]["error"].contains("503"), "{rows:?}");
}

#[tokio::test]
async fn what_is_set_aside_fails_nothing_but_is_told() {
    let lab = CommandLab::new().await;
    lab.handle().push_fault(FaultRule::always(Fault::BadEntries(vec![BadEntry::MaskedGuid])));
    let cycle = months_ago(1).to_string();
    let ended = lab.succeeds(&["sync", "--cycle", &cycle]).await;
    ended.says(&["1 entries quarantined", "lmp-billing-sync status"]);
    let status = lab.succeeds(&["status"]).await;
    status.says(&["Set aside because they cannot be reports", "invalid_id"]);
}

#[tokio::test]
async fn an_account_that_is_denied_is_asked_no_more_and_the_others_go_on() {
    let lab = CommandLab::with_accounts(&["emea", "apac"]).await;
    let call = lab.call(&["sync", "--output", "json"]).set("accounts.emea.access_token", &token("stranger"));
    let document = call.ends_with(1).await.json();
    let outcome = |at: usize| {
        let run = &document["runs"][at];
        (run["account"].as_str().unwrap(), run["outcome"].as_str().unwrap())
    };
    assert_eq!([outcome(0), outcome(1)], [("emea", "failed"), ("apac", "succeeded")]);

    let sent = "select count(*) from lmp_billing.cycle_polls
                where account = 'emea' and outcome = 'failed' and http_status = 401";
    let unsent = "select count(*) from lmp_billing.cycle_polls
                  where account = 'emea' and outcome = 'failed' and requested_at is null and http_status is null
                    and error like 'not sent%'";
    let (sent, unsent) = (lab.count(sent).await, lab.count(unsent).await);
    assert_eq!(sent + unsent, 25);
    assert!((1..=2).contains(&sent), "no more than are under way at once, but {sent}");
}

#[tokio::test]
async fn a_refused_token_is_explained_once_for_the_account() {
    let lab = CommandLab::new().await;
    let call = lab.call(&["sync"]).set("accounts.emea.secret_key", "another-key-than-agreed");
    let ended = call.ends_with(1).await.says(&["denied access (401", "check access_token and secret_key"]);
    assert!(!ended.stdout.contains(SECRET_KEY) && !ended.stdout.contains("another-key"));
}

#[tokio::test]
async fn an_answer_that_withdraws_too_much_is_suspect_until_a_person_accepts_it() {
    let lab = CommandLab::new().await;
    let cycle = months_ago(1);
    let month = cycle.to_string();
    lab.serve(cycle, (1..=8).map(|id| report(id, "Acme", cycle, "Completed")).collect());
    lab.succeeds(&["sync", "--cycle", &month]).await;
    lab.serve(cycle, vec![]);
    let ended = lab.call(&["sync", "--cycle", &month]).ends_with(1).await;
    let command = format!("sync --account emea --cycle {month} --accept-withdrawals");
    ended.says(&[&format!("emea {month} suspect: "), &command]);
    assert_eq!(lab.count("select count(*) from lmp_billing.current_reports").await, 8);

    // The message names the command; word for word it must work.
    let args: Vec<&str> = command.split(' ').collect();
    lab.succeeds(&args).await.says(&["8 withdrawn"]);
    assert_eq!(lab.count("select count(*) from lmp_billing.current_reports").await, 0);
}

#[tokio::test]
async fn a_database_out_of_reach_is_told_in_one_sentence() {
    let lab = CommandLab::new().await;
    let nowhere = "postgres://finance:hidden@127.0.0.1:1/reports";
    let ended = lab.call(&["sync"]).set("database.url", nowhere).ends_with(1).await;
    let ended = ended.complains(&["cannot reach the database at 127.0.0.1:1/reports", "check database.url"]);
    assert_eq!(ended.stderr.matches("Connection refused").count(), 1, "{}", ended.stderr);
    assert_eq!(lab.handle().received(), 0);
}
