"""SIM800 (L, C, H) where it differs from the common driver."""

from .simcom import SimCom


class Sim800(SimCom):
    """A SIM800: GSM only, six sockets, settings kept by AT&W, sleep also without DTR."""

    saves_profile = True
    clock_sleep_without_dtr = 2

    async def cell(self) -> dict:
        """Location and cell of the serving cell: `AT+CREG=2` adds them to the answer."""
        await self.ask("AT+CREG=2")
        response = await self.channel.command("AT+CREG?")
        await self.ask("AT+CREG=0")  # no code when the cell changes, it would wake a sleeping host
        cell = {"rat": "GSM"}
        for line in response.lines:
            fields = line.split(",")
            if line.startswith("+CREG:") and len(fields) >= 4:
                try:
                    cell["area"] = int(fields[2].strip(' "'), 16)
                    cell["cell"] = int(fields[3].strip(' "'), 16)
                except ValueError:
                    self.channel.drop("cell", line)
        return cell

    async def prepare_network(self) -> None:
        """Nothing to choose: there is one radio."""
