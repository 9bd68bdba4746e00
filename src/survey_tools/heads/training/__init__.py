"""A family of small models, trained by one command on the tasks of `heads/tasks/`, with its checkpoints.

`recipe` is what is asked for, `mixture` what is read, `loop` how it is learnt, `emergence` what heads there are when.
"""
