// The page at `alarms`.

export function AlarmsPage() {
  return (
    <section class="sheet">
      <h1>Alarms</h1>
    </section>
  );
}
