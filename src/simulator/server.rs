//! Answers requests.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request, State};
use axum::http::header::DATE;
use axum::http::{HeaderValue, Response};
use chrono::{DateTime, TimeDelta, Utc};
use tokio_util::sync::CancellationToken;

use super::answer::{Entries, render};
use super::clock::WorldClock;
use super::deliver::{self, JSON};
use super::dice::{Purpose, dice};
use super::faults::{Fault, Faults, Stage, Target};
use super::ledger::{Exchange, Ledger};
use super::refusal::Refusal;
use super::request::Filter;
use super::wire::Line;
use super::world::Order;
use super::{Account, auth, bad_entries, lock};
use crate::clock::Clock;
use crate::domain::{Cycle, parse_guid};

/// Longer bodies are not read. The documented filter needs a hundred bytes.
const LONGEST_BODY: usize = 64 * 1024;

/// Everything that answering needs.
#[derive(Debug)]
pub(super) struct Shared {
    pub(super) accounts: Vec<Account>,
    /// The real clock: it rules the 15 minutes, the two years and the `Date` header.
    pub(super) clock: Arc<dyn Clock>,
    pub(super) world_clock: WorldClock,
    pub(super) faults: Faults,
    /// What is answered for a token's cycle instead of the world's reports, as it is.
    pub(super) replaced: Mutex<HashMap<(String, Cycle), Vec<String>>>,
    pub(super) ledger: Arc<Ledger>,
    pub(super) refuse_too_old: bool,
    /// Ends the server, and everything that waits within a request.
    pub(super) stop: CancellationToken,
}

/// Answers a request, unless the simulator is stopped meanwhile.
pub(super) async fn serve(
    State(shared): State<Arc<Shared>>,
    ConnectInfo(line): ConnectInfo<Line>,
    request: Request,
) -> Response<Body> {
    tokio::select! {
        biased;
        response = shared.respond(request, line.clone()) => response,
        () = shared.stop.cancelled() => {
            line.cut();
            Response::new(Body::empty())
        }
    }
}

impl Shared {
    async fn respond(&self, request: Request, line: Line) -> Response<Body> {
        let (head, body) = request.into_parts();
        let body = to_bytes(body, LONGEST_BODY).await.ok();
        let received_at = self.clock.now();
        let world_time = self.world_clock.now();

        let filter = match &body {
            Some(body) => Filter::parse(body),
            None => Err(Refusal::Filter("the body is too long or ended early".to_owned())),
        };
        let body = body.unwrap_or_default();
        let access_token = auth::header(&head.headers, "x-access-token").ok();
        let cycle = filter.as_ref().ok().and_then(Filter::cycle);
        let target = Target { account: access_token, cycle };

        let mut faults = self.faults.draw(&target, Stage::Arrival);
        let skew = skew(&faults);
        let checked = auth::check(&head, &body, &self.accounts, deliver::shifted(received_at, skew))
            .and_then(|account| Ok((account, filter?)))
            .and_then(|(account, filter)| {
                let too_old = self.refuse_too_old && filter.is_too_old(received_at);
                if too_old { Err(Refusal::TooOld) } else { Ok((account, filter)) }
            });
        if checked.is_ok() {
            faults.extend(self.faults.draw(&target, Stage::Answer));
        }

        let receipt = Arc::clone(&self.ledger).receive(Exchange {
            // The ledger numbers it.
            number: 0,
            received_at,
            world_time,
            uri: head.uri.path_and_query().map_or_else(String::new, ToString::to_string),
            access_token: access_token.map(str::to_owned),
            trace_id: auth::header(&head.headers, "x-traceid").ok().and_then(parse_guid),
            headers: head.headers,
            body,
            cycle,
            refusal: checked.as_ref().err().cloned(),
            faults: faults.clone(),
            answer: None,
        });
        // What the answer says is settled before it is delayed: a slow answer is an old one.
        let entries = checked.map(|(account, filter)| {
            let moment = Moment { real: received_at, world: world_time, request: receipt.number() };
            self.entries(account, &filter, &moment, &faults)
        });
        delay(&faults).await;

        let now = deliver::shifted(self.clock.now(), skew);
        let mut response = match entries {
            Err(refusal) => deliver::refuse(&refusal, receipt),
            Ok(entries) => {
                let content_type = content_type(&faults);
                match faults.iter().find(|fault| fault.spoils()) {
                    None => deliver::send(entries, content_type, receipt),
                    Some(fault) => {
                        let stop = self.stop.clone();
                        deliver::spoil(fault, entries, content_type, receipt, line, now, stop).await
                    }
                }
            }
        };
        if let Ok(date) = HeaderValue::try_from(deliver::http_date(now)) {
            response.headers_mut().insert(DATE, date);
        }
        response
    }

    /// What a good request is answered with, faults that merely colour the list included.
    fn entries(&self, account: &Account, filter: &Filter, at: &Moment, faults: &[Fault]) -> Entries {
        if faults.iter().any(|fault| matches!(fault, Fault::Empty)) {
            return Box::new(std::iter::empty());
        }
        let replaced = |cycle| lock(&self.replaced).get(&(account.access_token.clone(), cycle)).cloned();
        let cycles = match filter.cycle().filter(|cycle| replaced(*cycle).is_some()) {
            Some(cycle) => vec![cycle],
            None => filter.cycles(at.real, at.world),
        };
        let newest = cycles.first().copied();
        let sources: Vec<_> = cycles.into_iter().map(|cycle| (cycle, replaced(cycle))).collect();
        let shuffled = faults.iter().any(|fault| matches!(fault, Fault::Shuffled));
        let order = if shuffled { Order::Shuffled(at.request) } else { Order::Fixed };

        let (world, world_time, filter) = (account.world, at.world, filter.clone());
        let mut list: Entries = Box::new(sources.into_iter().flat_map(move |(cycle, replaced)| -> Entries {
            if let Some(entries) = replaced {
                return Box::new(in_order(entries, order).into_iter());
            }
            let (reports, filter) = (world.iter(world_time, cycle, order), filter.clone());
            Box::new(reports.filter(move |report| filter.admits(report)).map(|report| render(&report)))
        }));
        for fault in faults {
            if let (Fault::BadEntries(kinds), Some(cycle)) = (fault, newest) {
                list = bad_entries::add(kinds, account.world.seed(), cycle, list);
            }
        }
        list
    }
}

/// When a request was made.
struct Moment {
    real: DateTime<Utc>,
    world: DateTime<Utc>,
    /// Its number, which is what shuffling goes by.
    request: u64,
}

fn in_order(mut list: Vec<String>, order: Order) -> Vec<String> {
    if let Order::Shuffled(number) = order {
        dice(number, Purpose::Order, &[]).shuffle(&mut list);
    }
    list
}

fn skew(faults: &[Fault]) -> TimeDelta {
    faults
        .iter()
        .filter_map(|fault| if let Fault::ClockSkew(skew) = fault { Some(*skew) } else { None })
        .fold(TimeDelta::zero(), |sum, skew| sum.checked_add(&skew).unwrap_or(sum))
}

async fn delay(faults: &[Fault]) {
    for fault in faults {
        match fault {
            Fault::Latency(time) => tokio::time::sleep(*time).await,
            Fault::Hold(gate) => gate.opened().await,
            _ => {}
        }
    }
}

fn content_type(faults: &[Fault]) -> HeaderValue {
    faults
        .iter()
        .find_map(|fault| match fault {
            Fault::WrongContentType(text) => HeaderValue::from_str(text).ok(),
            _ => None,
        })
        .unwrap_or(JSON)
}
