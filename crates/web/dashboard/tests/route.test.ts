import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";

import { parse, path } from "../src/route.ts";

test("an address names a page, a host, and the root that all else is below", () => {
  deepEqual(parse("/"), { root: "/", host: null, page: "fleet" });
  deepEqual(parse("/index.html"), { root: "/", host: null, page: "fleet" });
  deepEqual(parse("/alarms"), { root: "/", host: null, page: "alarms" });
  deepEqual(parse("/node"), { root: "/", host: null, page: "node" });
  deepEqual(parse("/host/web-01/"), { root: "/", host: "web-01", page: "host" });
  deepEqual(parse("/node/web-01/badges"), { root: "/", host: "web-01", page: "badges" });
  deepEqual(parse("/behind/a/proxy/host/my%20box%2F1/alarms"), {
    root: "/behind/a/proxy/",
    host: "my box/1",
    page: "alarms",
  });
  deepEqual(parse("/behind/"), { root: "/behind/", host: null, page: "fleet" });
});

test("what a path is parsed to leads back to it", () => {
  for (const each of ["/", "/alarms", "/host/a/", "/x/host/my%20box%2F1%20%3Cb%3E/alarms", "/x/badges"]) {
    equal(path(parse(each)), each);
  }
});
