"""Every call of PyPI's `netdata-pandas` for two hosts of a node: `pandas_client.py NODE AFTER BEFORE HOST HOST CHART…`."""
import json
import sys

import netdata_pandas.data as client

node, after, before, *rest = sys.argv[1:]
window = {"after": int(after), "before": int(before)}
hosts, charts = [f"{node}/host/{name}" for name in rest[:2]], rest[2:]
of_each = {host: charts for host in hosts}


def plain(frame):
    return json.loads(frame.to_json(orient="split", double_precision=15))


print(json.dumps({
    "charts": client.get_chart_list(hosts[0]),
    "data": plain(client.get_data(hosts=hosts, charts=charts, ffill=False, **window)),
    "by_host": plain(client.get_data(host_charts_dict=of_each, host_prefix=True, ffill=False, **window)),
    "by_pattern": plain(client.get_data(hosts=hosts[:1], charts_regex=f"^{charts[0]}$", options="null2zero", **window)),
    "rows_of_five": plain(client.get_data(hosts=hosts[:1], charts=charts[:1], freq="5s", **window)),
    "changes": plain(client.get_data(hosts=hosts[:1], charts=charts[:1], diff=True, **window)),
    "alarm_log": plain(client.get_alarm_log(node, datetimes=False)),
    "metrics": plain(client.get_allmetrics(host_charts_dict=of_each)),
    "metrics_at_once": plain(client.get_allmetrics_async(of_each, wide=True, host_prefix=True)),
}))
