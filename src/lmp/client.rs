//! Sends signed requests and brings whole answers back.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use backon::Retryable;
use chrono::{DateTime, Utc};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Response, StatusCode};
use secrecy::{ExposeSecret, SecretString};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::body::{Body, Spool};
use super::error::{LmpError, root_cause};
use super::limit::Limit;
use super::retry::{self, WaitBudget};
use super::{date, sign};
use crate::clock::Clock;
use crate::domain::Cycle;
use crate::task::shared_out;

/// A connection that is not up by then will hardly come up later. Never more than half of the time for the
/// whole exchange, so that it is this that is told.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// What a client needs to know.
#[derive(Debug, Clone)]
pub struct ClientOptions {
    /// The account's name, for the log.
    pub account: String,
    /// Scheme, host and port, for example `https://cspi.trendmicro.com`.
    pub base_url: String,
    /// `v2` or `v3`.
    pub api_version: String,
    /// The partner's access token.
    pub access_token: SecretString,
    /// The partner's secret key.
    pub secret_key: SecretString,
    /// How fast requests may be sent; clients of one account share it.
    pub limit: Arc<Limit>,
    /// For one whole exchange, body included.
    pub request_timeout: Duration,
    /// Requests per poll, the first included.
    pub max_attempts: u32,
    /// Largest decoded answer.
    pub max_response_bytes: u64,
    /// Proxy URL, if any; the environment's are not read.
    pub proxy: Option<SecretString>,
    /// Further trusted certificate authorities, in PEM.
    pub ca_pem: Option<Vec<u8>>,
}

/// A client for one account.
pub struct Client {
    http: reqwest::Client,
    options: ClientOptions,
    clock: Arc<dyn Clock>,
}

/// What is known of the last request of a poll, whatever became of it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Exchange {
    /// Status code of the answer.
    pub http_status: Option<u16>,
    /// The `x-traceid` sent.
    pub trace_id: Option<Uuid>,
    /// The server's clock.
    pub server_date: Option<DateTime<Utc>>,
    /// How far this machine's clock is ahead of the server's, in whole seconds.
    pub skew_seconds: Option<i64>,
    /// Requests sent so far.
    pub attempts: u16,
    /// How long it took, from sending the request to the last byte of the answer or the failure.
    pub took: Duration,
}

/// An answer with status 200, whole but not yet read.
#[derive(Debug)]
pub struct Answer {
    /// How it came.
    pub exchange: Exchange,
    /// Its decoded body.
    pub body: Body,
}

/// Why there is no answer.
#[derive(Debug, thiserror::Error)]
#[error("{error}")]
pub struct Failure {
    /// What is known of the last request.
    pub exchange: Exchange,
    /// The reason.
    pub error: LmpError,
}

impl Client {
    /// Sets up a client; nothing is sent yet.
    ///
    /// # Errors
    /// When the proxy's address or the certificate authorities cannot be used.
    pub fn new(options: ClientOptions, clock: Arc<dyn Clock>) -> Result<Self, LmpError> {
        // Fails only if a provider is installed already, which is then the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let mut builder = reqwest::Client::builder()
            .user_agent(concat!("lmp-billing-sync/", env!("CARGO_PKG_VERSION")))
            // A redirect would carry token and signature to another host.
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .connect_timeout(CONNECT_TIMEOUT.min(options.request_timeout / 2))
            .timeout(options.request_timeout);
        if let Some(proxy) = &options.proxy {
            let proxy = reqwest::Proxy::all(proxy.expose_secret())
                .map_err(|_| LmpError::Setup("sync.proxy is not the address of a proxy".to_owned()))?;
            builder = builder.proxy(proxy);
        }
        if let Some(pem) = &options.ca_pem {
            let certificates = reqwest::Certificate::from_pem_bundle(pem).map_err(|e| bad_ca_file(&e))?;
            if certificates.is_empty() {
                return Err(LmpError::Setup("sync.ca_file holds no certificate in PEM form".to_owned()));
            }
            builder = builder.tls_certs_merge(certificates);
        }
        // Nothing is encrypted on the way to a loopback address: the system's certificates, which are many,
        // need not be read.
        if options.ca_pem.is_none() && options.proxy.is_none() && options.base_url.starts_with("http:") {
            builder = builder.tls_certs_only([]);
        }
        let http = builder.build().map_err(|e| match &options.ca_pem {
            Some(_) => bad_ca_file(&e),
            None => LmpError::Setup(root_cause(&e)),
        })?;
        Ok(Self { http, options, clock })
    }

    /// Reads the billing report summary of one cycle, asking again where that may help, until told to `stop`.
    ///
    /// # Errors
    /// The last failure, when retries do not help or are used up.
    pub async fn billing_summary(&self, cycle: Cycle, stop: &CancellationToken) -> Result<Answer, Failure> {
        // The example in the reference sends strings; no status filter means all.
        let body = serde_json::json!({
            "report_cycle_year": format!("{:04}", cycle.year()),
            "report_cycle_month": format!("{:02}", cycle.month()),
        })
        .to_string();
        let exchange = Mutex::new(Exchange::default());
        let mut budget = WaitBudget::default();
        let asking = (|| self.attempt(&body, &exchange))
            .retry(retry::backoff(self.options.max_attempts))
            .when(LmpError::is_transient)
            .adjust(|error, backoff| budget.next(backoff, error.retry_after()))
            .notify(|error, wait| {
                let account = &self.options.account;
                let trace_id = trace_id(&exchange);
                tracing::info!(account, %cycle, trace_id, ?wait, "{error}; asking again");
            });
        let result = tokio::select! {
            result = asking => result,
            () = stop.cancelled() => Err(LmpError::Stopped),
        };
        let exchange = exchange.into_inner().unwrap_or_default();
        match result {
            Ok(body) => Ok(Answer { exchange, body }),
            Err(error) => Err(Failure { exchange, error }),
        }
    }

    async fn attempt(&self, body: &str, exchange: &Mutex<Exchange>) -> Result<Body, LmpError> {
        let _permit = self.options.limit.acquire().await;
        let began = Instant::now();
        let answer = self.exchange(body, exchange).await;
        if let Ok(mut exchange) = exchange.lock() {
            exchange.took = began.elapsed();
        }
        answer
    }

    async fn exchange(&self, body: &str, exchange: &Mutex<Exchange>) -> Result<Body, LmpError> {
        let record = |change: &dyn Fn(&mut Exchange)| {
            if let Ok(mut exchange) = exchange.lock() {
                change(&mut exchange);
            }
        };
        let trace_id = Uuid::new_v4();
        record(&|exchange| {
            *exchange =
                Exchange { trace_id: Some(trace_id), attempts: exchange.attempts + 1, ..Exchange::default() };
        });
        let response = self.send(body, trace_id).await?;
        let now = self.clock.now();
        let status = response.status();
        let server_date = date::server_date(response.headers());
        let skew = server_date.map(|server| now - server);
        record(&|exchange| {
            exchange.http_status = Some(status.as_u16());
            exchange.server_date = server_date;
            exchange.skew_seconds = skew.map(|skew| skew.num_seconds());
        });
        match status {
            StatusCode::OK => self.spool(response, trace_id).await,
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Err(LmpError::Denied { status, skew }),
            StatusCode::NOT_FOUND | StatusCode::GONE => Err(LmpError::Gone(status)),
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => Err(unavailable(&response, now)),
            _ if status.is_server_error() => Err(unavailable(&response, now)),
            _ if status.is_redirection() => Err(LmpError::Redirected(status)),
            _ => Err(LmpError::Refused(status)),
        }
    }

    async fn send(&self, body: &str, trace_id: Uuid) -> Result<Response, LmpError> {
        let uri = format!("/LMPI/{}/reports/billing", self.options.api_version);
        let posix_time = self.clock.now().timestamp().to_string();
        let signature = sign::signature(
            self.options.secret_key.expose_secret(),
            &posix_time,
            "POST",
            &uri,
            body.as_bytes(),
        );
        let mut token = HeaderValue::from_str(self.options.access_token.expose_secret())
            .map_err(|_| LmpError::Setup("access_token holds characters that no header may".to_owned()))?;
        token.set_sensitive(true);
        let mut signature = HeaderValue::from_str(&signature)
            .map_err(|_| LmpError::Setup("unusable signature".to_owned()))?;
        signature.set_sensitive(true);
        self.http
            .post(format!("{}{uri}", self.options.base_url.trim_end_matches('/')))
            .header("x-access-token", token)
            .header("x-posix-time", posix_time)
            .header("x-signature", signature)
            .header("x-traceid", trace_id.to_string())
            .header(CONTENT_TYPE, "application/json; charset=utf-8")
            .body(body.to_owned())
            .send()
            .await
            .map_err(|e| LmpError::from_http(&e, self.options.request_timeout))
    }

    async fn spool(&self, mut response: Response, trace_id: Uuid) -> Result<Body, LmpError> {
        let json = response
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.to_ascii_lowercase().contains("json"));
        if !json {
            tracing::warn!(
                account = self.options.account,
                %trace_id,
                "the answer's content type is not JSON; reading it as JSON all the same"
            );
        }
        let (limit, timeout) = (self.options.max_response_bytes, self.options.request_timeout);
        shared_out(async move {
            let mut spool = Spool::default();
            while let Some(chunk) =
                response.chunk().await.map_err(|error| LmpError::from_http(&error, timeout))?
            {
                if spool.push(&chunk).await? > limit {
                    return Err(LmpError::TooLarge(limit));
                }
            }
            Ok(spool.finish().await?)
        })
        .await
    }
}

/// The trace id of the last request, for the log.
fn trace_id(exchange: &Mutex<Exchange>) -> Option<String> {
    exchange.lock().ok()?.trace_id.map(|id| id.to_string())
}

fn bad_ca_file(error: &reqwest::Error) -> LmpError {
    LmpError::Setup(format!("sync.ca_file holds a certificate that cannot be used: {}", root_cause(error)))
}

fn unavailable(response: &Response, now: DateTime<Utc>) -> LmpError {
    LmpError::Unavailable {
        status: response.status(),
        retry_after: date::retry_after(response.headers(), now),
    }
}
