<?php
/**
 * MSNPAuth and sendMsg for PHP, by the command `msnpauth`.
 *
 *     $auth = new MSNPAuth($passport, $password, $params[4]);
 *     $key = $auth->getKey();                       // for USR … TWN S, or false
 *
 *     $sendMsg = new sendMsg();
 *     $sendMsg->simpleSend($passport, $password, $recipient, $message);   // true, or false
 *
 * The password goes to the command by its standard input, and never into its arguments, where
 * other users of the machine could read it. PHP 5.4 and later; nothing is needed besides PHP's
 * proc_open.
 */

/** What both classes have in common: they run the command, and keep what went wrong. */
abstract class MSNPAuthCommand
{
    /** Where the command is, when it is not on the PATH: '/home/me/.venv/bin/msnpauth'. */
    public static $command = 'msnpauth';

    /** Which network: array('--service', 'escargot'), array('--host', 'messenger.example') … */
    public static $network = array();

    /** What went wrong, in one line; '' when nothing did. */
    public $error = '';

    /** What went wrong, as a code of MSNP (911, 217 …) or a word; 'OK' when nothing did. */
    public $result = '';

    /** Run a subcommand; return what it says, or false. */
    protected function run($subcommand, $options, $arguments, $password)
    {
        $words = array_merge(
            array(self::$command, $subcommand, '--json', '--password-stdin'),
            self::$network,
            $options,
            array('--'),
            $arguments
        );
        $pipes = array();
        $process = proc_open(
            implode(' ', array_map('escapeshellarg', $words)),
            array(array('pipe', 'r'), array('pipe', 'w'), array('pipe', 'w')),
            $pipes
        );
        if (!is_resource($process)) {
            return $this->failed('the command msnpauth cannot be started', 'command');
        }
        fwrite($pipes[0], $password . "\n");
        fclose($pipes[0]);
        $output = stream_get_contents($pipes[1]);
        $complaint = stream_get_contents($pipes[2]);
        fclose($pipes[1]);
        fclose($pipes[2]);
        $status = proc_close($process);
        $answer = json_decode($output, true);
        if ($status === 0 && is_array($answer)) {
            $this->error = '';
            $this->result = 'OK';
            return $answer;
        }
        $error = isset($answer['error']) ? $answer['error'] : array();
        return $this->failed(
            isset($error['text']) ? $error['text'] : trim($complaint),
            isset($error['code']) ? $error['code'] : 'status ' . $status
        );
    }

    private function failed($text, $code)
    {
        $this->error = $text;
        $this->result = $code;
        return false;
    }
}

/** Trades passport, password and challenge for the ticket, as the class of 2003 did. */
class MSNPAuth extends MSNPAuthCommand
{
    private $passport;
    private $password;
    private $challenge;

    public function __construct($passport, $password, $challenge)
    {
        $this->passport = $passport;
        $this->password = $password;
        $this->challenge = $challenge;
    }

    /** Return the key for USR … TWN S, or false. */
    public function getKey()
    {
        $options = array('--challenge', $this->challenge);
        $answer = $this->run('ticket', $options, array($this->passport), $this->password);
        return $answer === false ? false : $answer['ticket'];
    }
}

/** Sends a message, as the PHP class' companion of the same name did. */
class sendMsg extends MSNPAuthCommand
{
    /** Send one message to one person, or to several; return whether all of them have got it. */
    public function simpleSend($passport, $password, $recipient, $message)
    {
        $people = array_values((array) $recipient);
        $options = array();
        foreach (array_slice($people, 1) as $other) {
            array_push($options, '--and', $other);
        }
        $arguments = array($passport, $people[0], $message);
        return $this->run('send', $options, $arguments, $password) !== false;
    }
}
