//! `data`: the same rows in every format, as a real agent writes them.

use serde_json::json;

use crate::client::{Reply, get};
use crate::fleet::{Fleet, LAST_S, fleet};

/// Two rows of two dimensions, the newest at a whole ten seconds; one of the names is in quotes.
async fn ask(fleet: &Fleet, query: &str) -> Reply {
    let before = LAST_S / 10 * 10;
    let dimensions = "user,the \"system\"".replace('"', "%22").replace(' ', "%20");
    let window = format!("after={}&before={before}&dimensions={dimensions}", before - 1);
    let reply = get(&fleet.web, &format!("/api/v1/data?chart=test.cpu&{window}&{query}")).await;
    assert_eq!(reply.status, 200, "{query}: {}", reply.body);
    reply
}

const PLAIN: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json; charset=utf-8";
const CALL: &str = "application/x-javascript; charset=utf-8";
const HTML: &str = "text/html; charset=utf-8";

/// Goal: formats are those of a real agent, byte by byte where clients read bytes; JSON is the same document.
#[tokio::test]
async fn formats_are_those_of_a_real_agent() {
    let fleet = fleet();
    // 1,795,387,670 is 2026-11-22 22:47:50.
    assert_eq!(LAST_S / 10 * 10, 1_795_387_670);
    let name = "\"the \"\"system\"\"\"";
    for (query, content_type, body) in [
        ("format=csv", PLAIN, format!("time,user,{name}\r\n2026-11-22 22:47:50,0,-0.5\r\n2026-11-22 22:47:49,9,-0.5\r\n")),
        ("format=csv&options=seconds", PLAIN, format!("time,user,{name}\r\n1795387670,0,-0.5\r\n1795387669,9,-0.5\r\n")),
        ("format=tsv&options=ms|flip", PLAIN, format!("time\tuser\t{name}\r\n1795387669000\t9\t-0.5\r\n1795387670000\t0\t-0.5\r\n")),
        ("format=tsv-excel&options=seconds", PLAIN, format!("time\tuser\t{name}\r\n1795387670\t0\t-0.5\r\n1795387669\t9\t-0.5\r\n")),
        ("format=markdown&options=seconds", PLAIN, "time|user|the \"system\"\r\n:---:|:---:|:---:\r\n1795387670|0|-0.5\r\n1795387669|9|-0.5\r\n".into()),
        ("format=ssv", PLAIN, "-0.5 8.5".into()),
        ("format=ssvcomma&options=min2max", PLAIN, "0.5,9.5".into()),
        ("format=array", JSON, "[-0.5,8.5]".into()),
        ("format=array&options=absolute&points=1", JSON, "[5]".into()),
        ("format=csvjsonarray", JSON, "[\n[\"time\",\"user\",\"the \\\"system\\\"\"],\n[\"2026-11-22 22:47:50\",0,-0.5],\n[\"2026-11-22 22:47:49\",9,-0.5]\n]".into()),
        ("format=html", HTML, "<html>\n<center>\n<table border=\"0\" cellpadding=\"5\" cellspacing=\"5\">\n<tr><td>time</td><td>user</td><td>the &quot;system&quot;</td></tr>\n<tr><td>2026-11-22 22:47:50</td><td>0</td><td>-0.5</td></tr>\n<tr><td>2026-11-22 22:47:49</td><td>9</td><td>-0.5</td></tr>\n</table>\n</center>\n</html>\n".into()),
        ("format=jsonp&callback=a.b%3Cx%3E", CALL, "a.b_x_({\"labels\":[\"time\",\"user\",\"the \\\"system\\\"\"],\"data\":[[1795387670,0,-0.5],[1795387669,9,-0.5]]});".into()),
        ("format=json&options=google_json", JSON, "{\"labels\":[\"time\",\"user\",\"the \\\"system\\\"\"],\"data\":[[new Date(2026,10,22,22,47,50),0,-0.5],[new Date(2026,10,22,22,47,49),9,-0.5]]}".into()),
        ("format=nosuch", JSON, "{\"labels\":[\"time\",\"user\",\"the \\\"system\\\"\"],\"data\":[[1795387670,0,-0.5],[1795387669,9,-0.5]]}".into()),
    ] {
        let reply = ask(&fleet, query).await;
        assert_eq!((reply.header("content-type"), &reply.body), (content_type, &body), "{query}");
    }
    let objects = ask(&fleet, "options=objectrows").await.json();
    assert_eq!(objects["data"][1], json!({ "time": 1_795_387_669, "user": 9, "the \"system\"": -0.5 }));
}

/// Goal: tables for Google's charts, and the call around them.
#[tokio::test]
async fn google_is_served() {
    let fleet = fleet();
    let table = ask(&fleet, "format=datatable").await.json();
    assert_eq!(table["cols"][3], json!({ "id": "", "label": "user", "pattern": "", "type": "number" }));
    assert_eq!(table["cols"][1]["p"], json!({ "role": "annotation" }));
    let cells = json!([{ "v": "Date(2026,10,22,22,47,49)" }, { "v": null }, { "v": null }, { "v": 9 }, { "v": -0.5 }]);
    assert_eq!(table["rows"][1], json!({ "c": cells }));

    let reply = ask(&fleet, "format=datasource&tqx=version:0.6;reqId:7;sig:1").await;
    let begin = format!(
        "google.visualization.Query.setResponse({{version:'0.6',reqId:'7',status:'ok',sig:'{LAST_S}',table:{{\"cols\":["
    );
    assert!(reply.body.starts_with(&begin) && reply.body.ends_with("]}]}});"), "{}", reply.body);
    assert_eq!(reply.header("content-type"), CALL);
    let loose = ask(&fleet, "format=datatable&options=google_json").await.body;
    assert!(
        loose.starts_with("{cols:[{id:'',label:'time'")
            && loose.contains("{c:[{v:'Date(2026,10,22,22,47,50)'},{v:null},")
    );

    let reply = ask(&fleet, &format!("format=datasource&tqx=responseHandler:f'x;sig:{LAST_S}")).await;
    let expected =
        "f_x({version:'0.6',reqId:'0',status:'error',errors:[{reason:'not_modified',message:'Data not modified'}]});";
    assert_eq!(reply.body, expected);
    let reply = ask(&fleet, "format=datasource&tqx=out:csv;outFileName:a%20b").await;
    assert_eq!(
        (reply.header("content-type"), reply.header("content-disposition")),
        (PLAIN, "attachment; filename=\"a_b\"")
    );
}

/// Goal: the wrapper holds every format, text as one string, and tells of what it holds.
#[tokio::test]
async fn wrappers_hold_every_format() {
    let fleet = fleet();
    for (format, told, result, least, most) in [
        (
            "json",
            "json",
            json!({ "labels": ["time", "user", "the \"system\""], "data": [[1_795_387_670, 0, -0.5], [1_795_387_669, 9, -0.5]] }),
            -0.5,
            9.0,
        ),
        ("csv", "csv", json!("time,user,\"the \"\"system\"\"\"\n1795387670,0,-0.5\n1795387669,9,-0.5\n"), -0.5, 9.0),
        (
            "tsv",
            "tsv",
            json!("time\tuser\t\"the \"\"system\"\"\"\n1795387670\t0\t-0.5\n1795387669\t9\t-0.5\n"),
            -0.5,
            9.0,
        ),
        (
            "markdown",
            "unknown",
            json!("time|user|the \"system\"\n:---:|:---:|:---:\n1795387670|0|-0.5\n1795387669|9|-0.5\n"),
            -0.5,
            9.0,
        ),
        ("ssv", "ssv", json!("-0.5 8.5"), -0.5, 8.5),
        ("ssvcomma", "ssvcomma", json!("-0.5,8.5"), -0.5, 8.5),
        ("array", "array", json!([-0.5, 8.5]), -0.5, 8.5),
        (
            "csvjsonarray",
            "unknown",
            json!([["time", "user", "the \"system\""], [1_795_387_670, 0, -0.5], [1_795_387_669, 9, -0.5]]),
            -0.5,
            9.0,
        ),
    ] {
        let wrapper = ask(&fleet, &format!("format={format}&options=jsonwrap|seconds")).await.json();
        assert_eq!((&wrapper["result"], &wrapper["format"]), (&result, &json!(told)), "{format}");
        assert_eq!(
            (&wrapper["min"], &wrapper["max"]),
            (&json!(least), &json!(if most == 9.0 { json!(9) } else { json!(most) })),
            "{format}"
        );
        assert_eq!((&wrapper["points"], &wrapper["dimensions"]), (&json!(2), &json!(2)));
        assert_eq!(wrapper["options"], "jsonwrap,seconds,natural-points");
    }
    let wrapper = ask(&fleet, "format=jsonp&options=jsonwrap&callback=f").await;
    assert!(wrapper.body.starts_with("f({\"api\":1,") && wrapper.body.ends_with("});"), "{}", wrapper.body);
    let wrapper = ask(&fleet, "options=jsonwrap,all-dimensions").await.json();
    let all = json!([["user", "user"], ["system", "the \"system\""], ["steal", "steal"], ["idle", "idle"]]);
    assert_eq!(
        (&wrapper["full_dimension_list"], &wrapper["full_chart_list"]),
        (&all, &json!([["test.cpu", "test.processor"]]))
    );
    assert_eq!(wrapper["full_chart_labels"][0][0], "_collect_plugin");
}

/// Goal: long answers of any format come in pieces, and are what they are in one.
#[tokio::test]
async fn long_answers_come_in_pieces() {
    let fleet = fleet();
    let url = "/api/v1/data?chart=test.cpu&after=-590&dimensions=*&options=seconds";
    for (format, chunks) in [("csv", ""), ("html", "chunked"), ("json", ""), ("datatable", "chunked")] {
        let reply = get(&fleet.web, &format!("{url}&format={format}")).await;
        assert_eq!(reply.header("transfer-encoding"), chunks, "{format}: {}", reply.bytes.len());
        let rows = match format {
            "json" => reply.json()["data"].as_array().unwrap().len(),
            "datatable" => reply.json()["rows"].as_array().unwrap().len(),
            "html" => reply.body.matches("<tr>").count() - 1,
            _ => reply.body.lines().count() - 1,
        };
        assert_eq!(rows, 590, "{format}");
    }
}
