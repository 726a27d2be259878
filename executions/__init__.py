"""What is started, runs, is stopped and survives the process: executions and their admission."""
