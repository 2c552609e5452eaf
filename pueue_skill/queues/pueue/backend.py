"""pueue 4 as the Protocol Backend has it: functions of this package's modules under one name."""

from pueue_skill.queues.pueue.follow import failures_script as failures_script
from pueue_skill.queues.pueue.follow import follow_script as follow_script
from pueue_skill.queues.pueue.follow import read_state as read_state
from pueue_skill.queues.pueue.follow import tails_script as tails_script
from pueue_skill.queues.pueue.invocation import invocation as invocation
from pueue_skill.queues.pueue.invocation import submissions as submissions
from pueue_skill.queues.pueue.site import ID as ID
from pueue_skill.queues.pueue.site import advised as advised
from pueue_skill.queues.pueue.site import trouble as trouble
from pueue_skill.queues.pueue.site import versions_script as versions_script
from pueue_skill.queues.pueue.site import where as where
from pueue_skill.queues.pueue.state import read_status as read_status
from pueue_skill.queues.pueue.state import status_script as status_script
from pueue_skill.queues.pueue.submit import read_submission as read_submission
from pueue_skill.queues.pueue.submit import submit_script as submit_script
from pueue_skill.queues.scripts import read_tails as read_tails
