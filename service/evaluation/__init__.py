"""The key holder's keys: what tokens are made with, and what field keys are sealed under until their month is over."""
