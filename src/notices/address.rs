//! Which addresses nobody is told at. A name in a class may lead to any address, also to one that only the operator reaches:
//! itself, its node, or the service that gives credentials away.
//!
//! Private addresses (10.0.0.0/8 and the like) are allowed: receivers of notices are often within. What keeps those safe is
//! that a notice is a POST over TLS, to whoever has a certificate for the name, and that nobody sees the answer.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Addresses at which clouds give away metadata or credentials, and which lie in none of the ranges below. Sources: Amazon EC2
/// User Guide, "Access instance metadata" (fd00:ec2::254); Amazon EKS User Guide, "EKS Pod Identity" (fd00:ec2::23);
/// Azure documentation, "What is IP address 168.63.129.16"; Alibaba Cloud ECS documentation, "Instance metadata"
/// (100.100.100.200); Oracle Cloud documentation, "Instance metadata" (192.0.0.192).
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];

/// The first 32 bits of the IPv6 addresses of services within an EC2 instance, and within one of Google's. Source of the second:
/// Google Compute Engine documentation, "View and query VM metadata" (fd20:ce::254).
const INSTANCE_V6: [[u16; 2]; 2] = [[0xfd00, 0x0ec2], [0xfd20, 0x00ce]];

/// Why nobody is told at an address; `None` where it may be spoken to.
pub fn forbidden(address: IpAddr, allow_loopback: bool) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => forbidden_v4(address, allow_loopback),
        IpAddr::V6(address) => match embedded(address) {
            Some(address) => forbidden_v4(address, allow_loopback),
            None => forbidden_v6(address, allow_loopback),
        },
    }
}

/// Source: IANA IPv4 Special-Purpose Address Registry.
fn forbidden_v4(address: Ipv4Addr, allow_loopback: bool) -> Option<&'static str> {
    let octets = address.octets();
    if address.is_loopback() {
        (!allow_loopback).then_some("is the operator itself")
    } else if octets[0] == 0 {
        Some("means no host, or the operator itself")
    } else if address.is_link_local() || METADATA_V4.contains(&address) {
        Some("is link-local, where metadata and credentials are given away")
    } else if octets[0] >= 224 {
        Some("is multicast, broadcast or reserved")
    } else {
        None
    }
}

/// Source: IANA IPv6 Special-Purpose Address Registry.
fn forbidden_v6(address: Ipv6Addr, allow_loopback: bool) -> Option<&'static str> {
    let segments = address.segments();
    if address.is_loopback() {
        (!allow_loopback).then_some("is the operator itself")
    } else if address.is_unspecified() {
        Some("means no host, or the operator itself")
    } else if address.is_unicast_link_local() || INSTANCE_V6.iter().any(|first| segments[..2] == *first) {
        Some("is link-local, where metadata and credentials are given away")
    } else if address.is_multicast() {
        Some("is multicast, broadcast or reserved")
    } else if segments[..2] == [0x2001, 0] {
        // Teredo: what is spoken to is hidden in the address.
        Some("is a tunnel")
    } else {
        None
    }
}

/// The IPv4 address that is meant by an IPv6 one: mapped (`::ffff:0:0/96`), compatible (`::/96`), translated
/// (`::ffff:0:0:0/96`, RFC 2765), behind NAT64
/// (`64:ff9b::/96`, RFC 6052; `64:ff9b:1::/48`, RFC 8215) or 6to4 (`2002::/16`, RFC 3056).
fn embedded(address: Ipv6Addr) -> Option<Ipv4Addr> {
    let segments = address.segments();
    let of = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match segments {
        // `::` and `::1` are IPv6's own.
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x64, 0xff9b, 0 | 1, .., high, low] => Some(of(high, low)),
        [0x2002, high, low, ..] => Some(of(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nobody_is_told_where_only_the_operator_gets() {
        let itself = Some("is the operator itself");
        let nowhere = Some("means no host, or the operator itself");
        let link = Some("is link-local, where metadata and credentials are given away");
        let many = Some("is multicast, broadcast or reserved");
        for (text, expected) in [
            ("203.0.113.7", None),
            ("10.0.0.7", None),
            ("172.31.255.254", None),
            ("192.168.1.1", None),
            ("100.64.0.1", None),
            ("169.253.255.255", None),
            ("169.255.0.0", None),
            ("126.255.255.255", None),
            ("128.0.0.0", None),
            ("223.255.255.255", None),
            ("127.0.0.1", itself),
            ("127.255.255.254", itself),
            ("0.0.0.0", nowhere),
            ("0.1.2.3", nowhere),
            ("169.254.0.0", link),
            ("169.254.169.254", link),
            ("169.254.170.2", link),
            ("169.254.170.23", link),
            ("169.254.255.255", link),
            ("168.63.129.16", link),
            ("100.100.100.200", link),
            ("192.0.0.192", link),
            ("224.0.0.1", many),
            ("239.255.255.255", many),
            ("240.0.0.1", many),
            ("255.255.255.255", many),
            ("2001:db8::1", None),
            ("2606:4700::1111", None),
            ("fd12:3456::1", None),
            ("::1", itself),
            ("::", nowhere),
            ("fe80::1", link),
            ("febf:ffff::1", link),
            ("fec0::1", None),
            ("fd00:ec2::254", link),
            ("fd00:ec2::23", link),
            ("fd20:ce::254", link),
            ("ff02::1", many),
            ("2001::1", Some("is a tunnel")),
            // IPv4 in the clothes of IPv6.
            ("::ffff:203.0.113.7", None),
            ("::ffff:127.0.0.1", itself),
            ("::ffff:169.254.169.254", link),
            ("::ffff:0.0.0.0", nowhere),
            ("::127.0.0.1", itself),
            ("::ffff:0:127.0.0.1", itself),
            ("::169.254.169.254", link),
            ("64:ff9b::a9fe:a9fe", link),
            ("64:ff9b::7f00:1", itself),
            ("64:ff9b:1::a9fe:a9fe", link),
            ("64:ff9b::cb00:7107", None),
            ("2002:a9fe:a9fe::1", link),
            ("2002:7f00:1::", itself),
            ("2002:cb00:7107::1", None),
        ] {
            let address: IpAddr = text.parse().unwrap();
            assert_eq!(forbidden(address, false), expected, "{text}");
            let with_loopback = expected.filter(|why| Some(*why) != itself);
            assert_eq!(
                forbidden(address, true),
                with_loopback,
                "{text}, where loopback is allowed"
            );
        }
    }
}
