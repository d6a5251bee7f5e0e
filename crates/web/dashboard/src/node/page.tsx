// The page at `node`.

export function NodePage() {
  return (
    <section class="sheet">
      <h1>Node</h1>
    </section>
  );
}
