"""Options that several commands have, with how they are spelt."""

from typing import Annotated

from cyclopts import Parameter

Settings = Annotated[list[str] | None, Parameter(name="--set", negative=())]
Trials = Annotated[int | None, Parameter(alias="-n")]
Address = Annotated[str | None, Parameter(env_var="COLORSWEEP_ADDRESS")]
Flag = Annotated[bool, Parameter(negative=())]
Follow = Annotated[bool, Parameter(alias="-f", negative=())]
