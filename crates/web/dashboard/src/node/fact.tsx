// A line of what a card tells: its name, its value, and what is said besides.

export function Fact({ name, value, more, isBad }: { name: string; value: string; more?: string; isBad?: boolean }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        <strong class={isBad ? "wrong" : undefined}>{value}</strong>
        {more && <span class="muted"> {more}</span>}
      </dd>
    </div>
  );
}
