"""Every call of PyPI's `netdata`, as JSON: `netdata_client.py PORT CHART [HOST]`."""
import asyncio
import json
import sys

from netdata import Netdata


async def ask(port, chart, host=None):
    path = host and f"/host/{host}/api/v1/"
    client = Netdata("127.0.0.1", port=int(port), path=path)
    await client.get_chart(chart)
    await client.get_alarms()
    await client.get_allmetrics()
    await client.get_info()
    await client.close()
    return {"values": client.values, "alarms": client.alarms, "metrics": client.metrics, "info": client.info}


print(json.dumps(asyncio.run(ask(*sys.argv[1:]))))
