//! The rows of the formats.

use crate::policy::export::format::{aws, clouds, haproxy, nft, packets, plain, terraform, web, yaml};
use crate::policy::export::order::Order;

/// A format.
#[derive(Debug)]
pub(crate) struct Format {
    /// As the command line names it.
    pub name: &'static str,
    /// What it is, in a few words.
    pub what: &'static str,
    /// What a list that lacks a sender does there.
    pub stands: Where,
    /// Whether one text holds both families. Where it does not, one of them is chosen.
    pub both_families: bool,
    /// What it takes besides.
    pub takes: Takes,
    /// What a target prints.
    pub live: Live,
    /// Writes it.
    pub render: fn(&Order) -> String,
    /// The command that loads it.
    pub load: &'static str,
    /// The command that compares what is loaded with the lists.
    pub verify: &'static str,
}

/// Where an export is enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Where {
    /// In a firewall: who is not listed hears nothing.
    Firewall,
    /// In a proxy: who is not listed hears what the proxy says.
    Proxy,
    /// In a program of one's own.
    Elsewhere,
}

/// An option of some formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Takes {
    /// None.
    Nothing,
    /// `--chain PORT`
    Port,
    /// `--have FILE`
    Have,
}

/// What a target prints of what it has loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Live {
    /// The JSON of nftables, with the sets of the export.
    Nft,
    /// The lines of `ipset save`, with the sets of the export.
    Ipset,
    /// The lines of `iptables-save`, with the chain of the export.
    Iptables,
    /// JSON or YAML, in which these keys hold the ranges; without one of them, text.
    Keys(&'static [&'static str]),
    /// Text or JSON, in which every address counts.
    Addresses,
}

/// The formats.
pub(crate) static FORMATS: &[Format] = &[
    Format {
        name: "nft",
        what: "nftables: sets, with --chain also the rule that drops everybody else",
        takes: Takes::Port,
        live: Live::Nft,
        ..firewall(
            nft::render,
            "nexmo-gate ranges export nft sms --chain 443 | nft -f -",
            "nft -j list table inet nexmo_gate | nexmo-gate ranges export nft sms --check -",
        )
    },
    Format {
        name: "ipset",
        what: "ipset: sets for rules of iptables",
        live: Live::Ipset,
        ..firewall(
            packets::ipset,
            "nexmo-gate ranges export ipset sms | ipset restore",
            "ipset save | nexmo-gate ranges export ipset sms --check -",
        )
    },
    Format {
        name: "iptables",
        what: "iptables and ip6tables: a chain that drops everybody else",
        both_families: false,
        live: Live::Iptables,
        ..firewall(
            packets::iptables,
            "nexmo-gate ranges export iptables sms | iptables-restore --noflush",
            "iptables-save | nexmo-gate ranges export iptables sms --check -",
        )
    },
    Format {
        name: "aws",
        what: "AWS: a script that changes a managed prefix list",
        both_families: false,
        takes: Takes::Have,
        live: Live::Keys(&["Cidr"]),
        ..firewall(
            aws::render,
            "nexmo-gate ranges export aws sms --have entries.json | PREFIX_LIST_ID=pl-0123 VERSION=7 sh",
            "aws ec2 get-managed-prefix-list-entries --prefix-list-id pl-0123 | nexmo-gate ranges export aws sms --check -",
        )
    },
    Format {
        name: "terraform",
        what: "Terraform: managed prefix lists of AWS, as a .tf.json",
        live: Live::Keys(&["cidr"]),
        ..firewall(
            terraform::resources,
            "nexmo-gate ranges export terraform sms > sms.tf.json && terraform apply",
            "terraform show -json | nexmo-gate ranges export terraform sms --check -",
        )
    },
    Format {
        name: "tfvars",
        what: "Terraform: variables with lists of ranges",
        live: Live::Addresses,
        ..firewall(
            terraform::variables,
            "nexmo-gate ranges export tfvars sms > sms.auto.tfvars && terraform apply",
            "nexmo-gate ranges export tfvars sms --check sms.auto.tfvars",
        )
    },
    Format {
        name: "gcp",
        what: "Google Cloud: a script that updates a firewall rule",
        both_families: false,
        live: Live::Keys(&["sourceRanges"]),
        ..firewall(
            clouds::gcp,
            "nexmo-gate ranges export gcp sms | RULE=nexmo-gate-sms sh",
            "gcloud compute firewall-rules describe nexmo-gate-sms --format=json | nexmo-gate ranges export gcp sms --check -",
        )
    },
    Format {
        name: "azure",
        what: "Azure: a script that updates a rule of a network security group",
        both_families: false,
        live: Live::Keys(&["sourceAddressPrefixes", "sourceAddressPrefix"]),
        ..firewall(
            clouds::azure,
            "nexmo-gate ranges export azure sms | RESOURCE_GROUP=hooks NSG=hooks RULE=nexmo-gate-sms sh",
            "az network nsg rule show -g hooks --nsg-name hooks -n nexmo-gate-sms | nexmo-gate ranges export azure sms --check -",
        )
    },
    Format {
        name: "cloudflare",
        what: "Cloudflare: the items of an IP list, as its API takes them",
        live: Live::Keys(&["ip"]),
        ..firewall(
            clouds::cloudflare,
            "nexmo-gate ranges export cloudflare sms | curl --fail -X PUT --json @- -H \"Authorization: Bearer $TOKEN\" \"$LIST/items\"",
            "curl --fail -H \"Authorization: Bearer $TOKEN\" \"$LIST/items?per_page=500\" | nexmo-gate ranges export cloudflare sms --check -",
        )
    },
    Format {
        name: "kubernetes",
        what: "Kubernetes: a NetworkPolicy; --chain is the port of the pod",
        takes: Takes::Port,
        live: Live::Keys(&["cidr"]),
        ..firewall(
            yaml::kubernetes,
            "nexmo-gate ranges export kubernetes sms | kubectl apply -f -",
            "kubectl get networkpolicy nexmo-gate-sms -o json | nexmo-gate ranges export kubernetes sms --check -",
        )
    },
    proxy(
        "haproxy",
        "HAProxy: a file for acl -f",
        haproxy::file,
        "nexmo-gate ranges export haproxy sms > /etc/haproxy/sms.new && mv /etc/haproxy/sms.new /etc/haproxy/sms.acl && systemctl reload haproxy",
        "echo 'show acl /etc/haproxy/sms.acl' | socat - /run/haproxy/admin.sock | nexmo-gate ranges export haproxy sms --check -",
    ),
    proxy(
        "haproxy-map",
        "HAProxy: a map from range to name",
        haproxy::map,
        "nexmo-gate ranges export haproxy-map sms > /etc/haproxy/sms.new && mv /etc/haproxy/sms.new /etc/haproxy/sms.map && systemctl reload haproxy",
        "echo 'show map /etc/haproxy/sms.map' | socat - /run/haproxy/admin.sock | nexmo-gate ranges export haproxy-map sms --check -",
    ),
    proxy(
        "haproxy-runtime",
        "HAProxy: a script that replaces an acl of a running one",
        haproxy::runtime,
        "nexmo-gate ranges export haproxy-runtime sms | ACL=/etc/haproxy/sms.acl SOCKET=/run/haproxy/admin.sock sh",
        "echo 'show acl /etc/haproxy/sms.acl' | socat - /run/haproxy/admin.sock | nexmo-gate ranges export haproxy-runtime sms --check -",
    ),
    proxy(
        "nginx-geo",
        "nginx: a geo variable",
        web::nginx_geo,
        "nexmo-gate ranges export nginx-geo sms > /etc/nginx/conf.d/sms.new && mv /etc/nginx/conf.d/sms.new /etc/nginx/conf.d/sms.conf && nginx -t && nginx -s reload",
        "nexmo-gate ranges export nginx-geo sms --check /etc/nginx/conf.d/sms.conf",
    ),
    proxy(
        "nginx-allow",
        "nginx: allow and deny",
        web::nginx_allow,
        "nexmo-gate ranges export nginx-allow sms > /etc/nginx/sms.new && mv /etc/nginx/sms.new /etc/nginx/sms.conf && nginx -t && nginx -s reload",
        "nexmo-gate ranges export nginx-allow sms --check /etc/nginx/sms.conf",
    ),
    Format {
        live: Live::Keys(&["ranges"]),
        ..proxy(
            "caddy",
            "Caddy: a matcher remote_ip",
            web::caddy,
            "nexmo-gate ranges export caddy sms > /etc/caddy/sms.new && mv /etc/caddy/sms.new /etc/caddy/sms.caddy && caddy reload -c /etc/caddy/Caddyfile",
            "curl --fail localhost:2019/config/ | nexmo-gate ranges export caddy sms --check -",
        )
    },
    Format {
        live: Live::Keys(&["sourceRange"]),
        ..proxy(
            "traefik",
            "Traefik: a middleware ipAllowList",
            yaml::traefik,
            "nexmo-gate ranges export traefik sms > /etc/traefik/dynamic/sms.new && mv /etc/traefik/dynamic/sms.new /etc/traefik/dynamic/sms.yml",
            "curl --fail localhost:8080/api/http/middlewares/nexmo-gate-sms@file | nexmo-gate ranges export traefik sms --check -",
        )
    },
    Format {
        live: Live::Keys(&["address_prefix"]),
        ..proxy(
            "envoy",
            "Envoy: an RBAC filter for extension discovery",
            yaml::envoy,
            "nexmo-gate ranges export envoy sms > /etc/envoy/sms.new && mv /etc/envoy/sms.new /etc/envoy/sms.yaml",
            "curl --fail 'localhost:9901/config_dump?resource=ecds_filters' | nexmo-gate ranges export envoy sms --check -",
        )
    },
    elsewhere(
        "json",
        "JSON, for programs",
        plain::json,
        "nexmo-gate ranges export json sms > sms.json",
        "nexmo-gate ranges export json sms --check sms.json",
    ),
    elsewhere(
        "text",
        "one prefix a line",
        plain::text,
        "nexmo-gate ranges export text sms > sms.txt",
        "nexmo-gate ranges export text sms --check sms.txt",
    ),
];

/// What the rows of firewalls have in common.
const fn firewall(render: fn(&Order) -> String, load: &'static str, verify: &'static str) -> Format {
    Format { stands: Where::Firewall, ..elsewhere("", "", render, load, verify) }
}

/// What the rows of proxies have in common.
const fn proxy(
    name: &'static str,
    what: &'static str,
    render: fn(&Order) -> String,
    load: &'static str,
    verify: &'static str,
) -> Format {
    Format { stands: Where::Proxy, ..elsewhere(name, what, render, load, verify) }
}

/// What all rows have in common.
const fn elsewhere(
    name: &'static str,
    what: &'static str,
    render: fn(&Order) -> String,
    load: &'static str,
    verify: &'static str,
) -> Format {
    let (stands, takes, live) = (Where::Elsewhere, Takes::Nothing, Live::Addresses);
    Format { name, what, stands, both_families: true, takes, live, render, load, verify }
}
