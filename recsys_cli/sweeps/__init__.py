"""Search for settings, by validation only: spaces (configs/sweep), proposals (Optuna), trials as jobs, a tuned file."""
