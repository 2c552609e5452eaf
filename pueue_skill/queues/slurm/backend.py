"""Slurm as the Protocol Backend has it: functions of this package's modules under one name."""

from pueue_skill.queues.scripts import read_tails as read_tails
from pueue_skill.queues.slurm.follow import failures_script as failures_script
from pueue_skill.queues.slurm.follow import follow_script as follow_script
from pueue_skill.queues.slurm.follow import read_state as read_state
from pueue_skill.queues.slurm.follow import tails_script as tails_script
from pueue_skill.queues.slurm.site import advised as advised
from pueue_skill.queues.slurm.site import trouble as trouble
from pueue_skill.queues.slurm.site import versions_script as versions_script
from pueue_skill.queues.slurm.site import where as where
from pueue_skill.queues.slurm.state import ID as ID
from pueue_skill.queues.slurm.state import read_status as read_status
from pueue_skill.queues.slurm.state import status_script as status_script
from pueue_skill.queues.slurm.submit import invocation as invocation
from pueue_skill.queues.slurm.submit import read_submission as read_submission
from pueue_skill.queues.slurm.submit import submissions as submissions
from pueue_skill.queues.slurm.submit import submit_script as submit_script
