# Varnish in front of the edges, as a CDN would be: for HLS, pages and files. Tried by
# tests/integration/deploy and bench/caches.py (Varnish 7.1).
#
#   varnishd -C -f hls-cache.vcl                                    (checks it)
#   varnishd -F -a :8080 -f /etc/varnish/hls-cache.vcl -s malloc,256m \
#       -p backend_idle_timeout=10 -p timeout_idle=15 \
#       -p vsl_mask=-SessOpen,-ReqStart,-ReqHeader,-ReqUnset,-BereqHeader,-BereqUnset,-Proxy,-ProxyGarbage
#
# The mask keeps addresses out of Varnish's log in shared memory, which lies in a file. The edge
# closes idle connections after 15 s, hence the 10.
# A segment is at most 35 kB and is asked for within a minute: 256 MB hold dozens of rooms.
# Endless streams and what people say pass through, but each stream takes two of Varnish's threads:
# let the proxy in front send those (/live/*.mp4, radio.mp3, events, POST) to the edges directly.

vcl 4.1;

import directors;
import std;

probe ready {
    .url = "/readyz";
    .interval = 1s;
    .timeout = 1s;
    .window = 3;
    .threshold = 2;
    .initial = 2;
}

backend edge1 {
    .host = "127.0.0.1";
    .port = "8002";
    .probe = ready;
    .connect_timeout = 2s;
    .first_byte_timeout = 20s;      # a held playlist: at most 12 s
}
#backend edge2 {
    #.host = "10.0.0.12";
    #.port = "8002";
    #.probe = ready;
    #.connect_timeout = 2s;
    #.first_byte_timeout = 20s;
#}

sub vcl_init {
    new edges = directors.round_robin();
    edges.add_backend(edge1);
    #edges.add_backend(edge2);
}

sub vcl_recv {
    set req.backend_hint = edges.backend();
    unset req.http.Cookie;
    unset req.http.Authorization;
    # Nor are they public in another spelling: no path of ours needs a percent sign.
    if (req.url ~ "^/(metrics|healthz|readyz|drain)(\?|$)" || req.url ~ "^[^?]*%") {
        return (synth(404));
    }
    if (req.method != "GET" && req.method != "HEAD") {
        return (pass);
    }
    if (req.url ~ "^/live/[^/?]+/([a-z-]+\.mp4|radio\.mp3|events|ticket)(\?|$)") {
        return (pass);
    }
    # The key: the path and the fields that the edge knows, in one order. Nobody can fill the
    # cache, or reach past it, by inventing others.
    if (req.url ~ "^/live/") {
        set req.http.X-Path = regsub(req.url, "\?.*", "");
        set req.http.X-Query = "";
        if (req.url ~ "[?&]e=[0-9a-f]{1,15}(&|$)") {
            set req.http.X-Query = regsub(req.url, ".*[?&](e=[0-9a-f]{1,15})(&.*|$)", "&\1");
        }
        if (req.url ~ "[?&]_HLS_msn=[0-9]{1,15}(&|$)") {
            set req.http.X-Query = req.http.X-Query
                + regsub(req.url, ".*[?&](_HLS_msn=[0-9]{1,15})(&.*|$)", "&\1");
            if (req.url ~ "[?&]_HLS_part=[0-9]{1,15}(&|$)") {
                set req.http.X-Query = req.http.X-Query
                    + regsub(req.url, ".*[?&](_HLS_part=[0-9]{1,15})(&.*|$)", "&\1");
            }
        }
        set req.url = req.http.X-Path + regsub(req.http.X-Query, "^&", "?");
        unset req.http.X-Path;
        unset req.http.X-Query;
    }
    # A cache that lost its edges goes on with what it has.
    if (std.healthy(req.backend_hint)) {
        set req.grace = 0s;
    }
    return (hash);
}

sub vcl_hash {
    hash_data(req.url);
    if (req.url !~ "^/(live|static)/") {
        hash_data(req.http.Host);       # a page may link to the name it was asked by
    }
    return (lookup);
}

sub vcl_backend_response {
    set beresp.grace = 60s;
    # The edge says how long each answer may be kept, refusals and mistakes too: they are what a
    # crowd repeats. Varnish alone would ask again for each.
    if (beresp.status >= 400 && beresp.http.Cache-Control ~ "max-age=[1-9]") {
        set beresp.ttl = std.duration(
            regsub(beresp.http.Cache-Control, ".*max-age=([0-9]{1,2}).*", "\1") + "s", 1s);
        set beresp.grace = 0s;
        set beresp.uncacheable = false;
    }
}

sub vcl_deliver {
    unset resp.http.Via;
    unset resp.http.X-Varnish;
}
