from django.urls import URLPattern, path

from pipeline.views import approvals, boards, deal, fields, logging, moves, people, standing, tasks

# --- The board, and moving on it

_board: list[URLPattern] = [
    path("board/", boards.board_default, name="board-default"),
    path("board/<int:pipeline_id>/", boards.board_page, name="board"),
    path("board/<int:pipeline_id>/filters/", boards.board_filters, name="board-filters"),
    path("board/<int:pipeline_id>/columns/<int:stage_id>/", boards.board_column, name="board-column"),
    path("deals/new/", moves.deal_new, name="deal-new"),
    path("deals/<int:pk>/move/", moves.deal_move, name="deal-move"),
]

# --- The page of a deal, and what is done on it

_deal: list[URLPattern] = [
    path("deals/<int:pk>/", deal.page, name="deal"),
    path("deals/<int:pk>/timeline/", deal.older, name="deal-timeline"),
    path("deals/<int:pk>/fields/<slug:name>/", fields.edit_field, name="deal-field"),
    path("deals/<int:pk>/activities/", logging.log, name="deal-log"),
    path("deals/<int:pk>/commitments/", logging.commit, name="deal-commit"),
    path("deals/<int:pk>/commitments/withdraw/", logging.withdraw, name="deal-withdraw"),
    path("deals/<int:pk>/contacts/", people.add_contact, name="deal-contacts"),
    path("deals/<int:pk>/contacts/<int:contact_pk>/", people.change_contact, name="deal-contact"),
    path("deals/<int:pk>/contacts/<int:contact_pk>/remove/", people.remove_contact, name="deal-contact-remove"),
    path("deals/<int:pk>/members/", people.add_member, name="deal-members"),
    path("deals/<int:pk>/members/<int:member_pk>/remove/", people.remove_member, name="deal-member-remove"),
    path("deals/<int:pk>/pause/", standing.pause, name="deal-pause"),
    path("deals/<int:pk>/resume/", standing.resume, name="deal-resume"),
    path("deals/<int:pk>/reopen/", standing.reopen, name="deal-reopen"),
    path("deals/<int:pk>/dates/", standing.dates, name="deal-dates"),
    path("deals/<int:pk>/pipeline/", standing.change_pipeline, name="deal-pipeline"),
    path("deals/<int:pk>/delete/", deal.delete, name="deal-delete"),
    path("deals/<int:pk>/restore/", deal.restore, name="deal-restore"),
    path("organizations/<int:pk>/deals/", deal.of_organization, name="organization-deals"),
    path("contacts/<int:pk>/deals/", deal.of_contact, name="contact-deals"),
]
_tasks: list[URLPattern] = [
    path("deals/<int:pk>/tasks/", tasks.new, name="deal-task-new"),
    path("tasks/<int:pk>/done/", tasks.done, name="task-done"),
    path("tasks/<int:pk>/skip/", tasks.skip, name="task-skip"),
    path("tasks/<int:pk>/reopen/", tasks.reopen, name="task-reopen"),
    path("tasks/<int:pk>/reschedule/", tasks.reschedule, name="task-reschedule"),
]
_approvals: list[URLPattern] = [
    path("deals/<int:pk>/approvals/", approvals.ask, name="approval-ask"),
    path("approvals/", approvals.waiting, name="approvals"),
    path("approvals/count/", approvals.count, name="approvals-count"),
    path("approvals/<int:pk>/", approvals.decide, name="approval-decide"),
]

urlpatterns = [*_board, *_deal, *_tasks, *_approvals]
