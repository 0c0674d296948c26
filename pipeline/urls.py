from django.urls import path

from pipeline.views import boards, moves

urlpatterns = [
    path("board/", boards.board_default, name="board-default"),
    path("board/<int:pipeline_id>/", boards.board_page, name="board"),
    path("board/<int:pipeline_id>/columns/<int:stage_id>/", boards.board_column, name="board-column"),
    path("deals/new/", moves.deal_new, name="deal-new"),
    path("deals/<int:pk>/move/", moves.deal_move, name="deal-move"),
]
