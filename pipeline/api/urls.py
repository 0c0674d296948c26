from django.urls import path

from pipeline.api import board, deals, merging, moving, process, visits, work

urlpatterns = [
    path("pipelines/", process.PipelineList.as_view(), name="api-pipelines"),
    path("pipelines/<int:pk>/", process.PipelineObject.as_view(), name="api-pipeline"),
    path("stages/", process.StageList.as_view(), name="api-stages"),
    path("stages/<int:pk>/", process.StageObject.as_view(), name="api-stage"),
    path("choices/", process.Choices.as_view(), name="api-choices"),
    path("board/", board.Board.as_view(), name="api-board"),
    path("deals/", deals.DealList.as_view(), name="api-deals"),
    path("deals/<int:pk>/", deals.DealObject.as_view(), name="api-deal"),
    path("deals/<int:pk>/restore/", deals.DealRestore.as_view(), name="api-deal-restore"),
    path("deals/<int:pk>/move/", moving.Move.as_view(), name="api-deal-move"),
    path("deals/<int:pk>/win/", moving.Win.as_view(), name="api-deal-win"),
    path("deals/<int:pk>/lose/", moving.Lose.as_view(), name="api-deal-lose"),
    path("deals/<int:pk>/reopen/", moving.Reopen.as_view(), name="api-deal-reopen"),
    path("deals/<int:pk>/merge/", merging.Merge.as_view(), name="api-deal-merge"),
    path("deals/<int:pk>/undo/", moving.Undo.as_view(), name="api-deal-undo"),
    path("deals/<int:pk>/commitments/", moving.Commitments.as_view(), name="api-deal-commitments"),
    path("deals/<int:pk>/visits/", visits.VisitList.as_view(), name="api-deal-visits"),
    path("deals/<int:pk>/gate/", visits.Gate.as_view(), name="api-deal-gate"),
    path("tasks/", work.TaskList.as_view(), name="api-tasks"),
    path("tasks/<int:pk>/", work.TaskObject.as_view(), name="api-task"),
    path("activities/", work.ActivityList.as_view(), name="api-activities"),
    path("activities/<int:pk>/", work.ActivityObject.as_view(), name="api-activity"),
    path("activities/<int:pk>/restore/", work.ActivityRestore.as_view(), name="api-activity-restore"),
]
