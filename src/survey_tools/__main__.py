"""`python -m survey_tools` is `survey`."""

from survey_tools.cli import main

main(prog_name="survey")
