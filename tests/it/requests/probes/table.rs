//! What the gate does about each probe, and why where that is not what the probe's `wanted` says.

use super::Expected;

/// The request is refused before the application hears of it, and the connection ends.
fn refused(id: &'static str, status: &'static [u16], reason: &'static str) -> Expected {
    Expected { id, statuses: status, arrives: &[], reasons: vec![reason], open: false, differs: "" }
}

/// One request, answered; the connection stays.
fn answered(
    id: &'static str,
    statuses: &'static [u16],
    target: &'static [&'static str],
    reason: &'static [&'static str],
) -> Expected {
    Expected { id, statuses, arrives: target, reasons: reason.to_vec(), open: true, differs: "" }
}

const DELIVERED: &[&str] = &["success"];

/// Whole answers only: nothing of a broken one was relayed, so the sender can still be told to come again.
const WHOLE: &str = "an answer is relayed when it is complete, so a broken one is a 503 and not half a 200";

#[rustfmt::skip]
pub fn expected() -> Vec<Expected> { vec![
    refused("nohost", &[400], "bad_host"),
    refused("duphost", &[400], "bad_host"),
    refused("hostpath", &[400], "bad_host"),
    answered("absform", &[200], &["/abs"], DELIVERED),
    refused("absform_mismatch", &[400], "bad_host"),
    answered("pipeline2", &[200, 200], &["/p1", "/p2"], &["success", "success"]),
    answered("pipeline2_slow", &[200, 200], &["/slow/1", "/p2"], &["success", "success"])
        .because("the second request is served too, after the first, so nothing is lost by closing"),
    refused("clte", &[400], "bad_framing"),
    refused("te_10", &[400], "bad_framing"),
    refused("te_gzip_chunked", &[501], "unknown_coding"),
    refused("te_chunked_gzip", &[400], "bad_framing"),
    refused("te_chunked_chunked", &[400], "bad_framing"),
    refused("te_dup", &[400], "bad_framing"),
    refused("cl_dup_same", &[400], "bad_framing"),
    refused("cl_comma", &[400], "bad_framing"),
    refused("cl_dup_diff", &[400], "bad_framing"),
    refused("cl_plus", &[400], "bad_framing"),
    refused("barelf", &[400], "malformed_head"),
    refused("barelf_hdr", &[400], "malformed_head"),
    refused("obsfold", &[400], "malformed_head"),
    refused("nul_val", &[400], "malformed_head"),
    refused("sp_colon", &[400], "malformed_head"),
    refused("chunk_lf", &[400], "malformed_body"),
    answered("chunk_ext", &[200], &["/chext"], DELIVERED),
    refused("chunk_ext_lf", &[400], "malformed_body"),
    answered("chunk_trailer", &[200], &["/chtr"], DELIVERED),
    refused("chunk_bad", &[400], "malformed_body"),
    refused("trace", &[405], "bad_method"),
    refused("connect", &[405], "bad_method"),
    refused("options_star", &[405], "bad_method"),
    answered("expect", &[100, 200], &["/exp"], DELIVERED),
    refused("expect_no100", &[100, 503], "body_timeout")
        .because("the gate says 100 itself and asks the application only with a whole body: the body that never \
                  comes is 503 at limits.body_timeout"),
    refused("expect_bad", &[417], "bad_expectation"),
    answered("head", &[200], &["/head"], DELIVERED),
    answered("upgrade_foo", &[200], &["/up"], DELIVERED),
    answered("upgrade_ws", &[200], &["/upws"], DELIVERED),
    answered("upgrade_h2c", &[200], &["/uph2c"], DELIVERED),
    refused("conn_xff", &[400], "bad_connection"),
    refused("conn_xrealip", &[400], "bad_connection")
        .because("Connection may not name a header that the gate sets or decides by: no honest sender does"),
    refused("hdr100k", &[431], "head_too_large"),
    refused("hdr2m", &[431], "head_too_large"),
    refused("hdrs300", &[431], "head_too_large"),
    refused("uri70k", &[414], "target_too_long"),
    refused("uri_sp", &[400], "malformed_head"),
    refused("uri_frag", &[400], "bad_target"),
    refused("http20", &[400], "bad_version"),
    refused("http09", &[400], "malformed_head"),
    refused("http10", &[400], "bad_host")
        .because("HTTP/1.0 without Host is refused as HTTP/1.1 is: routes may depend on the host"),
    refused("preface", &[400], "bad_version"),
    Expected { open: false, ..answered("halfclose", &[200], &["/slow/1"], DELIVERED) },
    answered("midclose", &[503], &["/midclose"], &["upstream_closed"]).because(WHOLE),
    answered("midchunk", &[503], &["/midchunk"], &["upstream_closed"]).because(WHOLE),
    answered("rst", &[503], &["/rst"], &["upstream_reset"]),
    answered("rst_post", &[503], &["/rst"], &["upstream_reset"]),
    answered("flood1xx", &[200], &["/flood1xx/3"], DELIVERED),
    answered("bighdr", &[503], &["/bighdr/70000"], &["response_too_large"]),
    answered("bighdr2m", &[503], &["/bighdr/2000000"], &["response_too_large"]),
    answered("dupcl_resp", &[503], &["/dupcl"], &["upstream_malformed"]),
    answered("extra_resp", &[200], &["/extra"], DELIVERED),
    answered("http10_resp", &[200], &["/http10"], DELIVERED),
    answered("st204", &[204], &["/status/204"], DELIVERED),
    answered("st205", &[205], &["/status/205"], DELIVERED),
    answered("st206", &[503], &["/status/206"], &["status"])
        .because("what is no success to Nexmo is told as 503, which every API sends again"),
    answered("st304", &[503], &["/status/304"], &["redirect"])
        .because("what is no success to Nexmo is told as 503, which every API sends again"),
    answered("st999", &[503], &["/status/999"], &["upstream_malformed"]),
    answered("st100x", &[503], &["/status/199"], &["upstream_malformed"]),
    refused("early", &[503], "body_timeout")
        .because("the application is asked with a whole body only: the body that never comes is 503 at \
                  limits.body_timeout, and no answer can be early"),
    answered("get_body", &[200], &["/getbody"], DELIVERED),
] }
