//! A network in CIDR notation: who counts as a trusted proxy.

use std::net::{IpAddr, Ipv4Addr};
use std::str::FromStr;

use serde::Deserialize;

/// An address or a network: `10.0.0.0/8`, `::1`, `192.168.1.7`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Network {
    address: u128,
    mask: u128,
}

impl Network {
    /// Whether the network holds the address; an IPv4 address and its IPv6-mapped form are the same.
    #[must_use]
    pub fn contains(&self, ip: IpAddr) -> bool {
        bits(ip) & self.mask == self.address & self.mask
    }
}

/// The longest prefix that a network of proxies hardly has, with IPv4's 96 bits of mapping: shorter than 10.0.0.0/8, or
/// than fc00::/7.
const TOO_WIDE: [u32; 2] = [96 + 7, 6];

impl Network {
    /// Whether the network is so large that strangers are in it.
    fn is_too_wide(&self) -> bool {
        let is_v4 = bits(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let [v4, v6] = TOO_WIDE;
        let longest = if self.address >> 32 == is_v4 >> 32 {
            v4
        } else {
            v6
        };
        self.mask.leading_ones() <= longest
    }
}

/// What of the network's settings is allowed and may surprise.
pub(super) fn warnings(listen: &str, trusted_proxies: &[Network]) -> Vec<String> {
    let mut warnings = Vec::new();
    if trusted_proxies.iter().any(Network::is_too_wide) {
        warnings.push(
            "server.trusted_proxies names networks of strangers (0.0.0.0/0 is everybody): whoever reaches the port says \
             which address, host and scheme it came by, and no bound counts for a single peer; name the proxies' own \
             addresses"
                .to_owned(),
        );
    }
    let host = listen.rsplit_once(':').map_or(listen, |(host, _)| host);
    if matches!(host, "" | "0.0.0.0" | "[::]" | "[::0]" | "*") {
        warnings.push(format!(
            "server.listen: {listen} is every network that this machine is on, and what is said there is not encrypted; \
             behind a proxy on the same machine write 127.0.0.1, else let a firewall say who reaches the port"
        ));
    }
    warnings
}

/// IPv4 as IPv6-mapped, so that one comparison serves both families.
fn bits(ip: IpAddr) -> u128 {
    match ip {
        IpAddr::V4(v4) => v4.to_ipv6_mapped().to_bits(),
        IpAddr::V6(v6) => v6.to_bits(),
    }
}

impl FromStr for Network {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong =
            || format!("`{text}` is no address or network; write it like 10.0.0.0/8 or ::1");
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix.parse::<u32>().map_err(|_| wrong())?)),
            None => (text, None),
        };
        let ip: IpAddr = address.trim().parse().map_err(|_| wrong())?;
        let width = if ip.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.unwrap_or(width);
        if prefix > width {
            return Err(wrong());
        }
        let host_bits = width - prefix;
        let mask = if host_bits == 128 {
            0
        } else {
            u128::MAX << host_bits
        };
        Ok(Self {
            address: bits(ip),
            mask,
        })
    }
}

impl TryFrom<String> for Network {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_holds_its_addresses_and_no_others() {
        let net: Network = "10.1.0.0/16".parse().unwrap();
        assert!(net.contains("10.1.200.3".parse().unwrap()));
        assert!(net.contains("::ffff:10.1.0.9".parse().unwrap()));
        assert!(!net.contains("10.2.0.1".parse().unwrap()));
        assert!(
            "::/0"
                .parse::<Network>()
                .unwrap()
                .contains("2001:db8::1".parse().unwrap())
        );
        assert!("10.0.0.0/33".parse::<Network>().is_err());
        assert!("example.org".parse::<Network>().is_err());
    }

    #[test]
    fn trusting_everybody_and_listening_everywhere_are_warned_of() {
        let told = |listen: &str, proxies: &[&str]| {
            let proxies: Vec<Network> = proxies.iter().map(|text| text.parse().unwrap()).collect();
            warnings(listen, &proxies).len()
        };
        assert_eq!(told("127.0.0.1:8765", &[]), 0);
        let own = [
            "10.0.0.0/8",
            "192.168.0.0/16",
            "fc00::/7",
            "::1",
            "10.1.2.3",
        ];
        assert_eq!(told("[::1]:8765", &own), 0);
        for wide in ["0.0.0.0/0", "::/0", "128.0.0.0/1", "2000::/3"] {
            assert_eq!(told("127.0.0.1:8765", &[wide]), 1, "{wide}");
        }
        for listen in ["0.0.0.0:8765", "[::]:8765", "[::]:0"] {
            assert_eq!(told(listen, &[]), 1, "{listen}");
        }
    }
}
