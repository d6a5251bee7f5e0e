// Settings as the node tells them: tables, with defaults as comments.

// Leaves out what is at its default, and tables of which nothing is left.
export function withoutDefaults(text: string): string {
  const tables = text.split(/\n(?=\[)/).map((table) => table.split("\n").filter((line) => !/^\s*(#|$)/.test(line)));
  return tables
    .filter((lines) => lines.some((line) => !line.startsWith("[")))
    .map((lines) => lines.join("\n"))
    .join("\n\n");
}
