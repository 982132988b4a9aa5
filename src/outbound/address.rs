//! Which addresses outbound calls may reach: the public internet, and what the operator allows besides
//! (`MINGJI_OUTBOUND_ALLOW`). Everything that is not globally reachable by the IANA special-purpose registries
//! (RFC 6890) is closed, and so is every form in which IPv6 carries an IPv4 address.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

/// One entry of what the operator allows besides the public internet. It also allows plain `http` there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allow {
    /// Exactly this host name, wherever it resolves to; lower case.
    Host(String),
    /// These addresses.
    Net(IpNet),
}

/// The rules in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Rules(Vec<Allow>);

impl Rules {
    pub(super) fn new(allow: Vec<Allow>) -> Self {
        Self(allow)
    }

    /// Whether the operator named this host.
    pub(super) fn names(&self, host: &str) -> bool {
        self.0.iter().any(|allow| matches!(allow, Allow::Host(name) if name.eq_ignore_ascii_case(host)))
    }

    /// Whether the operator named this address. A network that is named in IPv4 covers the IPv4-mapped form
    /// too: it reaches the same machine.
    pub(super) fn covers(&self, address: IpAddr) -> bool {
        let canonical = address.to_canonical();
        self.0
            .iter()
            .any(|allow| matches!(allow, Allow::Net(net) if net.contains(&address) || net.contains(&canonical)))
    }

    /// Whether a call may go to this address; `plain` for http, which is for named addresses only.
    pub(super) fn opens(&self, address: IpAddr, plain: bool) -> bool {
        self.covers(address) || (!plain && is_public(address))
    }
}

/// Whether an address belongs to the public internet.
pub(super) fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => !CLOSED_V4.iter().any(|(net, bits)| within_v4(v4, *net, *bits)),
        // Global unicast is 2000::/3 (RFC 4291, 2.4). What lies outside is closed as a whole: loopback, mapped
        // (::ffff:0:0/96), NAT64 (64:ff9b::/96, 64:ff9b:1::/48), discard, unique local, link and site local, multicast.
        IpAddr::V6(v6) => {
            within_v6(v6, Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3)
                && !CLOSED_V6.iter().any(|(net, bits)| within_v6(v6, *net, *bits))
        }
    }
}

const CLOSED_V4: [(Ipv4Addr, u32); 15] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),       // "this network"; 0.0.0.0 reaches the machine itself
    (Ipv4Addr::new(10, 0, 0, 0), 8),      // private, RFC 1918
    (Ipv4Addr::new(100, 64, 0, 0), 10),   // carrier-grade NAT, RFC 6598; some clouds' metadata
    (Ipv4Addr::new(127, 0, 0, 0), 8),     // loopback
    (Ipv4Addr::new(169, 254, 0, 0), 16),  // link local; clouds' metadata
    (Ipv4Addr::new(172, 16, 0, 0), 12),   // private
    (Ipv4Addr::new(192, 0, 0, 0), 24),    // protocol assignments, RFC 6890
    (Ipv4Addr::new(192, 0, 2, 0), 24),    // documentation, RFC 5737
    (Ipv4Addr::new(192, 88, 99, 0), 24),  // 6to4 relays, RFC 7526
    (Ipv4Addr::new(192, 168, 0, 0), 16),  // private
    (Ipv4Addr::new(198, 18, 0, 0), 15),   // benchmarks, RFC 2544
    (Ipv4Addr::new(198, 51, 100, 0), 24), // documentation
    (Ipv4Addr::new(203, 0, 113, 0), 24),  // documentation
    (Ipv4Addr::new(224, 0, 0, 0), 4),     // multicast
    (Ipv4Addr::new(240, 0, 0, 0), 4),     // reserved and broadcast
];

const CLOSED_V6: [(Ipv6Addr, u32); 4] = [
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23), // protocol assignments, with Teredo (carries IPv4)
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32), // documentation, RFC 3849
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16), // 6to4 (carries IPv4), RFC 3056
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20), // documentation, RFC 9637
];

fn within_v4(address: Ipv4Addr, net: Ipv4Addr, bits: u32) -> bool {
    (address.to_bits() ^ net.to_bits()) >> (32 - bits) == 0
}

fn within_v6(address: Ipv6Addr, net: Ipv6Addr, bits: u32) -> bool {
    (address.to_bits() ^ net.to_bits()) >> (128 - bits) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: [&str; 10] = [
        "1.1.1.1",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "223.255.255.255",
        "2400:3200::1",
        "2606:4700::1111",
    ];

    const CLOSED: [&str; 40] = [
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.100.100.200",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:8.8.8.8",
        "::127.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:db8::1",
        "2002:7f00:1::",
        "3fff::1",
        "fc00::1",
        "fd12::1",
        "fe80::1",
        "ff02::1",
    ];

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn the_table_of_addresses() {
        for text in PUBLIC {
            assert!(is_public(ip(text)), "{text} is public");
        }
        for text in CLOSED {
            assert!(!is_public(ip(text)), "{text} is closed");
            let rules = Rules::new(vec![Allow::Net(ip(text).into())]);
            assert!(rules.opens(ip(text), false) && rules.opens(ip(text), true), "{text} opens when it is named");
        }
    }

    #[test]
    fn http_is_for_named_addresses_only() {
        let rules = Rules::new(vec![Allow::Net("10.0.0.0/8".parse().unwrap())]);
        assert!(rules.opens(ip("10.1.1.1"), true));
        assert!(rules.opens(ip("::ffff:10.1.1.1"), true));
        assert!(rules.opens(ip("1.1.1.1"), false));
        assert!(!rules.opens(ip("1.1.1.1"), true));
        assert!(!rules.opens(ip("192.168.0.1"), false));
    }
}
