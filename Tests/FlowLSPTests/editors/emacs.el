;;; emacs.el --- edits a flow in Emacs and checks the answers of the language server  -*- lexical-binding: t; -*-

(require 'eglot)
(require 'flymake)

(define-derived-mode flow-mode prog-mode "Flow"
  (setq-local comment-start "// "))
(add-to-list 'auto-mode-alist '("\\.flow\\'" . flow-mode))
(add-to-list 'eglot-server-programs (list 'flow-mode (getenv "FLOW") "lsp"))
(setq eglot-sync-connect 20 eglot-confirm-server-initiated-edits nil eglot-send-changes-idle-time 0.1)

(defun check (condition format &rest arguments)
  (unless condition
    (message "failed: %s" (apply #'format format arguments))
    (kill-emacs 1)))

(defun wait-until (predicate)
  (let ((end (+ (float-time) 15)) found)
    (while (and (not (setq found (funcall predicate))) (< (float-time) end))
      (accept-process-output nil 0.05))
    found))

(defun goto (text &optional offset)
  (goto-char (point-min))
  (check (search-forward text nil t) "there is no %S" text)
  (goto-char (+ (match-beginning 0) (or offset 0))))

(defun ask (method parameters)
  (jsonrpc-request (eglot-current-server) method parameters))

(defun problems ()
  (flymake-start nil nil)
  (seq-filter (lambda (diagnostic) (string-match-p "F104\\|there is no state" (flymake-diagnostic-text diagnostic)))
              (flymake-diagnostics)))

(find-file (getenv "FLOW_FILE"))
(eglot--connect '(flow-mode) (eglot--current-project) 'eglot-lsp-server (list (getenv "FLOW") "lsp") "flow")
(check (eglot-managed-p) "the buffer is not managed")
(flymake-mode 1)

;; Diagnostics appear with a mistake, and the code action repairs it.
(goto "-> expired" 3)
(delete-char 7)
(insert "expird")
(eglot--signal-textDocument/didChange)
(check (wait-until #'problems) "no diagnostic for an unknown state")
(goto "-> expird" 4)
(let* ((position (eglot--pos-to-lsp-position))
       (actions (ask :textDocument/codeAction
                     (list :textDocument (eglot--TextDocumentIdentifier)
                           :range (list :start position :end position)
                           :context (list :diagnostics []))))
       (action (seq-find (lambda (one) (equal (plist-get one :title) "change it to `expired`")) actions)))
  (check action "no repair among %S" actions)
  (eglot--apply-workspace-edit (plist-get action :edit)))
(goto "after 3d -> expired")

(goto "ignore Cancel" 8)
(let ((hover (ask :textDocument/hover (eglot--TextDocumentPositionParams))))
  (check (string-match-p "accepted without effect" (plist-get (plist-get hover :contents) :value)) "hover: %S" hover))

(goto "-> shipping do" 3)
(let* ((found (funcall (nth 2 (eglot-completion-at-point)) "" nil t)))
  (check (seq-some (lambda (label) (string-match-p "expired\\|shipping" label)) found) "completion: %S" found))

(goto "state shipping" 7)
(eglot-rename "sending")
(goto "state sending {")
(goto "-> sending do")

(goto "after 3d -> expired")
(delete-char (length "after 3d -> expired"))
(insert "after   3d   ->   expired")
(eglot-format-buffer)
(goto "    after 3d -> expired")

(goto "entry refund" 7)
(let ((definitions (xref-backend-definitions 'eglot (xref-backend-identifier-at-point 'eglot))))
  (check definitions "no definition"))

(set-buffer-modified-p nil)
(message "emacs: ok")
(kill-emacs 0)
