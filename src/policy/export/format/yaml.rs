//! Kubernetes, Traefik and Envoy: YAML.
//!
//! Invariant: the text is plain YAML with quoted prefixes; an IPv6 prefix without quotes could be read as something else.

use ipnet::IpNet;

use crate::policy::export::order::Order;

/// The port of the pod where nothing else is said: that of the example in `deploy/`.
const POD_PORT: u16 = 8080;

/// A policy without ranges would admit everybody, so an order without prefixes is never rendered.
pub(super) fn kubernetes(order: &Order) -> String {
    let (head, name, digest) = (order.header.comment(), order.resource(), &order.header.digest);
    let blocks = rows(&order.all(), |prefix| format!("        - ipBlock: {{ cidr: \"{prefix}\" }}\n"));
    let port = order.port.unwrap_or(POD_PORT);
    format!(
        "{head}apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata:\n  name: {name}\n  annotations:\n    \
         nexmo-gate/ranges-sha256: \"{digest}\"\nspec:\n  podSelector:\n    matchLabels: {{ app.kubernetes.io/name: webhooks }}\n  \
         policyTypes: [Ingress]\n  ingress:\n    - ports:\n        - {{ protocol: TCP, port: {port} }}\n      from:\n{blocks}"
    )
}

/// A file of the file provider.
pub(super) fn traefik(order: &Order) -> String {
    let (head, name) = (order.header.comment(), order.resource());
    let ranges = rows(&order.all(), |prefix| format!("          - \"{prefix}\"\n"));
    format!("{head}http:\n  middlewares:\n    {name}:\n      ipAllowList:\n        sourceRange:\n{ranges}")
}

/// A file of extension discovery, which Envoy loads again when another file is moved into its place.
pub(super) fn envoy(order: &Order) -> String {
    let (head, name, version) = (order.header.comment(), order.variable(), &order.header.digest);
    let principals = rows(&order.all(), |prefix| {
        let (address, length) = (prefix.network(), prefix.prefix_len());
        format!(
            "              - direct_remote_ip: {{ address_prefix: \"{address}\", prefix_len: {length} }}\n"
        )
    });
    format!(
        "{head}version_info: \"{version}\"\nresources:\n  - \"@type\": type.googleapis.com/envoy.config.core.v3.TypedExtensionConfig\n    \
         name: {name}\n    typed_config:\n      \"@type\": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC\n      \
         rules:\n        action: ALLOW\n        policies:\n          {name}:\n            permissions: [{{ any: true }}]\n            \
         principals:\n{principals}"
    )
}

fn rows(prefixes: &[IpNet], row: impl Fn(&IpNet) -> String) -> String {
    prefixes.iter().map(row).collect()
}
