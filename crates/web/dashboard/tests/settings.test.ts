// Settings at their defaults are left out, and tables that hold nothing else.

import assert from "node:assert/strict";
import { test } from "node:test";

import { withoutDefaults } from "../src/node/settings.ts";

test("only what was set is left", () => {
  const told = `# The settings of this node: commented ones are defaults.

[global]
\thostname = "central"
\t# update_every = "1s"

[collect]
\t# enabled = true

[backend."archive"]
\t# enabled = true
\ttype = "graphite"
`;
  assert.equal(withoutDefaults(told), '[global]\n\thostname = "central"\n\n[backend."archive"]\n\ttype = "graphite"');
  assert.equal(withoutDefaults("# nothing\n\n[collect]\n\t# enabled = true\n"), "");
});
