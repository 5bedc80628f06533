//! `ready`: what a container's health check gets to know.

use rustix::process::Signal;
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpListener;

use super::lab::{CommandLab, SECRET_KEY};
use crate::daemon::{NEVER, settings};
use crate::support::wait::until_async;

#[tokio::test]
async fn it_tells_by_its_exit_code_whether_the_daemon_does_its_work() {
    let lab = CommandLab::new().await;
    lab.write_settings(&settings(&lab, &["emea"], NEVER).replace("listen = ''", "listen = '127.0.0.1:0'"));
    let mut daemon = lab.call(&["run"]).start();
    let address = daemon.address().await.to_string();
    let ready = || lab.call(&["ready"]).set("http.listen", &address);
    daemon.stderr.until("reconcile succeeded").await;
    ready().ends_with(0).await.says(&["\"ready\":true"]);

    sqlx::query("drop schema lmp_billing cascade").execute(lab.pool()).await.unwrap();
    // The daemon keeps an answer for a second.
    until_async("it sees that the schema is gone", async || ready().ended().await.code == Some(1)).await;
    let ended = ready().ends_with(1).await.says(&["schema"]);
    assert_eq!(ended.json()["ready"], false);

    daemon.signal(Signal::TERM);
    daemon.ended().await;
    ready().ends_with(1).await.complains(&[&address, "is it running"]);
}

#[tokio::test]
async fn it_needs_no_secret() {
    let lab = CommandLab::new().await;
    let secret = format!("secret_key = '{SECRET_KEY}'");
    let settings = settings(&lab, &["emea"], NEVER).replace(&secret, "secret_key_file = 'for-root-alone'");
    lab.write_settings(&settings);
    lab.call(&["status"]).ends_with(78).await.complains(&["secret_key_file"]);
    let nobody = "127.0.0.1:9";
    lab.call(&["ready"]).set("http.listen", nobody).ends_with(1).await.complains(&[nobody, "is it running"]);
}

#[tokio::test]
async fn without_an_address_it_is_a_wrong_setting() {
    let lab = CommandLab::new().await;
    lab.call(&["ready"]).set("http.listen", "").ends_with(78).await.complains(&["http.listen"]);
}

#[tokio::test]
async fn somebody_else_at_the_address_is_not_taken_for_the_daemon() {
    let lab = CommandLab::new().await;
    let other = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = other.local_addr().unwrap().to_string();
    let talk = async {
        let (mut stream, _) = other.accept().await.unwrap();
        stream.write_all(b"SSH-2.0-OpenSSH_9.2\r\n\r\n").await.unwrap();
        stream.shutdown().await.unwrap();
        // Until it has hung up, so that what it was told is not lost.
        tokio::io::copy(&mut stream, &mut tokio::io::sink()).await.ok();
    };
    let call = lab.call(&["ready"]).set("http.listen", &address);
    let (ended, ()) = tokio::join!(call.ends_with(1), talk);
    ended.complains(&[&address, "is not the daemon"]);
}
