//! Turns Nagle's algorithm off on database connections.
//!
//! sqlx 0.9.0 leaves it on (its issue 4335) and hands the socket to nobody. The end of a `COPY` is then
//! held back until the server's delayed acknowledgement, some 40 ms, for every poll. So the process
//! asks the kernel for its own sockets. Where that is not allowed, or not Linux, polls are that much
//! slower and nothing else. To be removed with the release of sqlx that mends it.

/// Turns it off on every TCP socket of this process; the others have it off already.
#[cfg(target_os = "linux")]
pub(super) fn on_all_sockets() {
    use rustix::net::{AddressFamily, SocketType, sockopt};
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let Ok(this) = pidfd_open(getpid(), PidfdFlags::empty()) else { return };
    let Ok(files) = std::fs::read_dir("/proc/self/fd") else { return };
    let numbers = files.flatten().filter_map(|file| file.file_name().to_str()?.parse().ok());
    // Collected first: what is opened meanwhile must not be walked over.
    for number in numbers.collect::<Vec<i32>>() {
        // A second handle of the same socket, as it may be closed at any moment by who owns the first.
        let Ok(socket) = pidfd_getfd(&this, number, PidfdGetfdFlags::empty()) else { continue };
        let is_tcp = sockopt::socket_type(&socket) == Ok(SocketType::STREAM)
            && matches!(sockopt::socket_domain(&socket), Ok(AddressFamily::INET | AddressFamily::INET6));
        if is_tcp && let Err(error) = sockopt::set_tcp_nodelay(&socket, true) {
            tracing::debug!(%error, "a socket keeps Nagle's algorithm");
        }
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn on_all_sockets() {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::net::{TcpListener, TcpStream};

    #[test]
    fn every_tcp_socket_sends_at_once() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        assert!(!stream.nodelay().unwrap());
        super::on_all_sockets();
        assert!(stream.nodelay().unwrap());
    }
}
