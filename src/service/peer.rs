//! Who is at the other end of a TCP connection on this host: the same user, or not?
//!
//! A debugger does whatever a client asks, with the rights of its own user. The kernel's
//! tables of connections tell whose the peer's socket is (proc(5), `/proc/net/tcp`).

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::os::unix::fs::MetadataExt;

use crate::transport::stream::Stream;

/// Why the peer of `stream` is not let in; `None` if it is.
pub fn refusal(stream: &Stream) -> Option<String> {
    let (ours, theirs) = stream.tcp_addresses()?;
    if !ours.ip().is_loopback() {
        return None;
    }
    let own = fs::metadata("/proc/self").ok()?.uid();
    let owner = ["/proc/net/tcp", "/proc/net/tcp6"]
        .iter()
        .filter_map(|table| fs::read_to_string(table).ok())
        .find_map(|table| owner_of(&table, theirs, ours));
    if owner == Some(own) {
        return None;
    }
    Some(format!(
        "closing connection from different user ({theirs}): connections to localhost are \
         only accepted from the same UNIX user for security reasons"
    ))
}

/// The user whose socket is at `local`, connected to `remote`, in a table of the kernel.
fn owner_of(table: &str, local: SocketAddr, remote: SocketAddr) -> Option<u32> {
    table.lines().skip(1).find_map(|row| {
        let mut columns = row.split_whitespace().skip(1);
        let here = parse_address(columns.next()?)?;
        let there = parse_address(columns.next()?)?;
        let uid = columns.nth(4)?;
        let same = |a: SocketAddr, b: SocketAddr| {
            a.port() == b.port() && a.ip().to_canonical() == b.ip().to_canonical()
        };
        (same(here, local) && same(there, remote)).then(|| uid.parse().ok()).flatten()
    })
}

/// `0100007F:1F90`: the address in words of the machine's byte order, and the port.
fn parse_address(text: &str) -> Option<SocketAddr> {
    let (ip, port) = text.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let mut bytes = Vec::with_capacity(16);
    for at in (0..ip.len()).step_by(8) {
        let word = u32::from_str_radix(ip.get(at..at + 8)?, 16).ok()?;
        bytes.extend(word.to_ne_bytes());
    }
    let ip = match bytes.len() {
        4 => IpAddr::from(<[u8; 4]>::try_from(bytes.as_slice()).ok()?),
        16 => IpAddr::from(<[u8; 16]>::try_from(bytes.as_slice()).ok()?),
        _ => return None,
    };
    Some(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TABLE: &str = "\
  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid
   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000     0
   1: 0100007F:C34E 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000
";

    #[test]
    fn the_owner_is_that_of_the_peers_socket() {
        let at = |port| SocketAddr::from(([127, 0, 0, 1], port));
        assert_eq!(owner_of(TABLE, at(0xC34E), at(0x1F90)), Some(1000));
        assert_eq!(owner_of(TABLE, at(0x1F90), at(0xC34E)), None);
    }

    #[test]
    fn addresses_of_version_6_that_mean_version_4_are_the_same() {
        let mapped = "0000000000000000FFFF00000100007F:0050";
        let parsed = parse_address(mapped).unwrap();
        assert_eq!(parsed.ip().to_canonical(), IpAddr::from([127, 0, 0, 1]));
    }
}
