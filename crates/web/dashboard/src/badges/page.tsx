// The page at `badges`.

export function BadgesPage() {
  return (
    <section class="sheet">
      <h1>Badges</h1>
    </section>
  );
}
